"""Commands that take a results folder, on one at an address such as s3://bucket/studies/NAME."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from trainables.address import is_address, reaching
from trainables.problems import InputError
from tuner.mirror import Mirror
from tuner.words import CommandLine
from tuner.working_copy import WorkingCopy, copied

Act = Callable[[CommandLine, Console], int]


def elsewhere(act: Act, *, brings: bool = True) -> Act:
    """Return what does to folders at addresses what `act` does to folders here.

    Args:
        act: Runs a parsed command and returns the exit status.
        brings: Whether what it leaves in a folder is brought to the address, as it is made.
    """

    def acting(line: CommandLine, console: Console) -> int:
        caution = partial(warn, console)
        copies = {}
        with ExitStack() as stack:
            for copy, ahead in refreshed([each for each in line.folders if is_address(each)]):
                console.print(f"{copy.uri}: the working copy is {copy.folder}.", soft_wrap=True)
                copies[copy.uri] = str(copy.folder)
                if brings:
                    stack.callback(Mirror(copy, caution, ahead).close)
            folders = tuple(copies.get(each, each) for each in line.folders)
            return act(replace(line, folders=folders), console)

    return acting


def refreshed(addresses: Sequence[str]) -> list[tuple[WorkingCopy, set[Path]]]:
    """Return the copies of results folders, as new as they are, and what is newer in them.

    Raises:
        InputError: If any cannot be had, with the reason for each.
    """
    found, problems = [], list[str]()
    for address in dict.fromkeys(addresses):
        try:
            copy = copied(address)
            with reaching(address):
                found.append((copy, copy.refresh()))
        except InputError as error:
            problems += error.each
    if problems:
        raise InputError(problems)
    return found


def warn(console: Console, text: str) -> None:
    """Tell what could not be brought."""
    console.print(f"caution: {text}", soft_wrap=True)
