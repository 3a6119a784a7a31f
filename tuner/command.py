"""What the commands have in common: help, how mistakes are told, and the exit status."""

import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import TypeVar

from rich.console import Console

from trainables.problems import InputError
from tuner import interrupt
from tuner.terminal import Terminal

OK, FAILED, BAD_INPUT = 0, 1, 2
HELP = {"--help", "-h", "help"}
Parsed = TypeVar("Parsed")


def written_out() -> None:
    """Have characters that the terminal's encoding lacks written out, as it is on stderr."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def command(
    words: Sequence[str],
    usage: Callable[[Console], None],
    parse: Callable[[Sequence[str]], Parsed],
    act: Callable[[Parsed, Console], int],
    *,
    farewell: str = "",
) -> int:
    """Run a command; return its exit status.

    Args:
        words: The command line without the program.
        usage: Prints how the command is used.
        parse: Parses the words, once.
        act: Runs the parsed command and returns the exit status.
        farewell: What to tell who has interrupted it.
    """
    interrupt.as_usual()
    written_out()
    console = Terminal()
    if not words or HELP & set(words):
        usage(console)
        return OK if words else BAD_INPUT
    try:
        return act(parse(words), console)
    except InputError as problems:
        Terminal(stderr=True).print(str(problems), soft_wrap=True)
        return BAD_INPUT
    except KeyboardInterrupt:
        if farewell:
            console.print(farewell)
        return interrupt.INTERRUPTED
