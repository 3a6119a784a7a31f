"""Commands that take a results folder, on one at an address such as s3://bucket/studies/NAME."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from trainables.errors import InputError
from trainables.io.remote_files import is_url, wrap_access_errors
from tuner.cli.parse import CommandLine
from tuner.storage.remote_copy import WorkingCopy, open_working_copy
from tuner.storage.uploader import Uploader

CommandFunction = Callable[[CommandLine, Console], int]


def with_remote_folders(
    command: CommandFunction, *, upload_results: bool = True
) -> CommandFunction:
    """Return what does to folders at addresses what `command` does to folders here.

    Args:
        command: Runs a parsed command and returns the exit status.
        upload_results: Whether what it leaves in a folder is brought to the address, as it is made.
    """

    def acting(line: CommandLine, console: Console) -> int:
        caution = partial(print_warning, console)
        copies = {}
        with ExitStack() as stack:
            for copy, ahead in refresh_copies([each for each in line.folders if is_url(each)]):
                console.print(f"{copy.uri}: the working copy is {copy.folder}.", soft_wrap=True)
                copies[copy.uri] = str(copy.folder)
                if upload_results:
                    stack.callback(Uploader(copy, caution, ahead).close)
            folders = tuple(copies.get(each, each) for each in line.folders)
            return command(replace(line, folders=folders), console)

    return acting


def refresh_copies(addresses: Sequence[str]) -> list[tuple[WorkingCopy, set[Path]]]:
    """Return the copies of results folders, as new as they are, and what is newer in them.

    Raises:
        InputError: If any cannot be had, with the reason for each.
    """
    found, problems = [], list[str]()
    for address in dict.fromkeys(addresses):
        try:
            copy = open_working_copy(address)
            with wrap_access_errors(address):
                found.append((copy, copy.refresh()))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return found


def print_warning(console: Console, text: str) -> None:
    """Tell what could not be brought."""
    console.print(f"caution: {text}", soft_wrap=True)
