"""Run commands on results folders at addresses such as s3://bucket/studies/NAME."""

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
    """Return `command` so that it accepts addresses of results folders too.

    Args:
        command: Runs a parsed command and returns the exit status.
        upload_results: Whether files that it writes to a folder are uploaded to the address.
    """

    def run_on_copies(line: CommandLine, console: Console) -> int:
        warn = partial(print_warning, console)
        copies = {}
        with ExitStack() as stack:
            for copy, newer in refresh_copies([name for name in line.folders if is_url(name)]):
                console.print(f"{copy.uri}: the working copy is {copy.folder}.", soft_wrap=True)
                copies[copy.uri] = str(copy.folder)
                if upload_results:
                    stack.callback(Uploader(copy, warn, newer).close)
            folders = tuple(copies.get(name, name) for name in line.folders)
            return command(replace(line, folders=folders), console)

    return run_on_copies


def refresh_copies(addresses: Sequence[str]) -> list[tuple[WorkingCopy, set[Path]]]:
    """Fetch results folders; return their local copies and the files that are newer in each copy.

    Raises:
        InputError: If any cannot be fetched, with all reasons.
    """
    copies, problems = [], list[str]()
    for address in dict.fromkeys(addresses):
        try:
            copy = open_working_copy(address)
            with wrap_access_errors(address):
                copies.append((copy, copy.refresh()))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return copies


def print_warning(console: Console, text: str) -> None:
    """Print a warning."""
    console.print(f"caution: {text}", soft_wrap=True)
