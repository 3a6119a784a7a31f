"""Entry point shared by all commands: help, error output and exit status."""

import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from typing import TypeVar

from rich.console import Console

from trainables.errors import InputError
from tuner.cli import signals
from tuner.cli.console import SafeConsole

OK, FAILED, BAD_INPUT = 0, 1, 2
HELP_WORDS = {"--help", "-h", "help"}
Parsed = TypeVar("Parsed")


def escape_unencodable() -> None:
    """Make stdout escape characters that the terminal's encoding lacks, as stderr does."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def run_command(
    words: Sequence[str],
    print_usage: Callable[[Console], None],
    parse: Callable[[Sequence[str]], Parsed],
    action: Callable[[Parsed, Console], int],
    *,
    interrupt_message: str = "",
) -> int:
    """Run a command; return its exit status.

    Args:
        words: Command line without the program.
        print_usage: Prints the help text.
        parse: Parses `words`; called once.
        action: Runs the parsed command and returns the exit status.
        interrupt_message: Printed after Ctrl-C; empty: nothing.
    """
    signals.restore_default()
    escape_unencodable()
    console = SafeConsole()
    if not words or HELP_WORDS & set(words):
        print_usage(console)
        return OK if words else BAD_INPUT
    try:
        return action(parse(words), console)
    except InputError as problems:
        SafeConsole(stderr=True).print(str(problems), soft_wrap=True)
        return BAD_INPUT
    except KeyboardInterrupt:
        if interrupt_message:
            console.print(interrupt_message)
        return signals.INTERRUPT_STATUS
