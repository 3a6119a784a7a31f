"""Search for the most robust configuration: `python -m tuner.search space=weight_decay`."""

import sys
from collections.abc import Sequence
from functools import partial

from rich.console import Console

from tuner.arguments import VOCABULARY
from tuner.command import run_command
from tuner.compose import compose_plan
from tuner.help import print_usage
from tuner.launch import launch
from tuner.words import CommandLine, parse_command_line


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: The command line without the program.
    """
    parse = partial(parse_command_line, vocabulary=VOCABULARY, takes_folders=False)
    return run_command(words, print_usage, parse, search)


def search(line: CommandLine, console: Console) -> int:
    """Check the command, then run it.

    Raises:
        InputError: If anything is wrong with it.
    """
    plan = compose_plan(line.arguments, line.problems)
    return launch(plan, ["python", "-m", "tuner.search", *line.words], console)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
