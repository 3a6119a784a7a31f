"""Search for the most robust configuration: `python -m tuner.search space=weight_decay`."""

import sys
from collections.abc import Sequence

from rich.console import Console

from tuner.arguments import read
from tuner.command import command
from tuner.compose import compose
from tuner.help import usage
from tuner.launch import launch


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: The command line without the program.
    """
    return command(words, usage, search)


def search(words: Sequence[str], console: Console) -> int:
    """Check the command, then run it.

    Raises:
        InputError: If anything is wrong with it.
    """
    return launch(compose(*read(words)), ["python", "-m", "tuner.search", *words], console)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
