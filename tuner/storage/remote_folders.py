"""Results folders at addresses such as s3://bucket/studies/NAME: fetch them, run commands."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeVar
from urllib.parse import urlsplit

from rich.console import Console

from trainables.errors import InputError
from trainables.hparams.ranges import valid_location
from trainables.io.addresses import is_url
from trainables.io.remote_files import wrap_access_errors
from tuner.cli.parse import CommandLine
from tuner.layout import RESULTS_FOLDER, SEARCH_FILE
from tuner.storage.remote_copy import ADDRESS_FILE, WorkingCopy
from tuner.storage.uploader import Uploader

Returned = TypeVar("Returned")


def with_remote_folders(
    command: Callable[[CommandLine, Console], Returned], *, upload_results: bool = True
) -> Callable[[CommandLine, Console], Returned]:
    """Return `command` so that it accepts addresses of results folders too.

    Args:
        command: Runs a parsed command.
        upload_results: Whether files that it writes to a folder are uploaded to the address.
    """

    def run_on_copies(line: CommandLine, console: Console) -> Returned:
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


def open_working_copy(address: str) -> WorkingCopy:
    """Return the working copy of a results folder at an address, not yet refreshed.

    Raises:
        InputError: If the address holds no results folder.
    """
    name = PurePosixPath(urlsplit(address).path).name
    try:
        valid_location(address)
    except ValueError as error:
        raise InputError([f"{address}: an address {error}."]) from None
    copy = WorkingCopy(Path(RESULTS_FOLDER).absolute() / name, address)
    with wrap_access_errors(address):
        if not name or copy.folder / SEARCH_FILE not in copy.list_paths(copy.folder):
            raise InputError([
                f"{address}: holds no {SEARCH_FILE}; name the address of a results folder."
            ])
    return copy


def fetch_results_folder(folder: Path | str) -> Path:
    """Return the local path of a results folder, fetched first if it is at an address.

    Of the checkpoints, only the winner's weights in `best/` are fetched.

    Raises:
        InputError: If it cannot be fetched.
    """
    if not is_url(str(folder)):
        return Path(folder)
    copy = open_working_copy(str(folder))
    with wrap_access_errors(copy.uri):
        copy.refresh()
    return copy.folder


def fetch_checkpoints(folder: Path, checkpoints: Iterable[Path]) -> None:
    """Fetch missing checkpoints, if the folder is the working copy of an address that has them.

    Raises:
        InputError: If the address cannot be used.
    """
    address_file = folder / ADDRESS_FILE
    if not address_file.is_file():
        return
    copy = WorkingCopy(folder, address_file.read_text())
    with wrap_access_errors(copy.uri):
        for path in dict.fromkeys(checkpoints):
            with suppress(FileNotFoundError):
                copy.fetch_checkpoint(str(path))
