"""Search for the most robust configuration: `python -m tuner.search space=weight_decay`."""

import sys
from collections.abc import Sequence
from functools import partial

from rich.console import Console

from tuner.arguments import SEARCH
from tuner.command import command
from tuner.compose import compose
from tuner.help import usage
from tuner.launch import launch
from tuner.words import CommandLine, parse_command_line


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: The command line without the program.
    """
    parse = partial(parse_command_line, vocabulary=SEARCH, takes_folders=False)
    return command(words, usage, parse, search)


def search(line: CommandLine, console: Console) -> int:
    """Check the command, then run it.

    Raises:
        InputError: If anything is wrong with it.
    """
    plan = compose(line.arguments, line.problems)
    return launch(plan, ["python", "-m", "tuner.search", *line.words], console)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
