"""This machine's copy of a results folder that lies at an address."""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType

from trainables.errors import InputError
from trainables.hparams.ranges import valid_location
from trainables.io.remote_files import (
    copy_file,
    copy_files,
    is_url,
    join_url,
    open_filesystem,
    wrap_access_errors,
)
from tuner.layout import EVENT_LOG_FILE, RESULTS_FOLDER, SEARCH_FILE, TRIALS_FOLDER
from tuner.storage.lock import is_locked

EXCLUDED_NAMES = frozenset({TRIALS_FOLDER, "tensorboard", "export"})
"""What is not copied with the rest: fetched where needed, for other readers, made here."""
APPEND_ONLY_FILES = frozenset({EVENT_LOG_FILE, "optuna.log"})
"""What only grows, and belongs together."""
NANOSECONDS_PER_SECOND = 10**9
"""In nanoseconds."""
ADDRESS_FILE = ".address"
"""In a copy: the address that it is a copy of."""


class WorkingCopy:
    """A results folder at an address, and its copy on this machine.

    Attributes:
        folder: The copy.
        uri: The address of the results folder.
    """

    def __init__(self, folder: Path, uri: str) -> None:
        self.folder, self.uri = folder, uri
        self.created_folders = set[Path]()

    @cached_property
    def _filesystem_and_path(self) -> tuple[FileSystem, str]:
        return open_filesystem(self.uri)

    @property
    def filesystem(self) -> FileSystem:
        """What reads and writes at the address."""
        return self._filesystem_and_path[0]

    def remote_path(self, path: Path | str) -> str:
        """Return the path of a file of the folder, as `filesystem` wants it."""
        return "/".join([self._filesystem_and_path[1], *Path(path).relative_to(self.folder).parts])

    def to_address(self, path: Path | str) -> str:
        """Return where trials find a file of the folder."""
        return join_url(self.uri, *Path(path).relative_to(self.folder).parts)

    def to_local_path(self, address: str) -> str:
        """Return where in the folder the file would lie that trials find at an address."""
        above = PurePosixPath(urlsplit(self.uri).path)
        return str(self.folder / PurePosixPath(urlsplit(address).path).relative_to(above))

    def file_infos(self, path: Path, *, recursive: bool = False) -> dict[Path, FileInfo]:
        """Return what a folder holds at the address, by what it would be called here.

        Args:
            path: The folder.
            recursive: Whether to look into its folders too.
        """
        root = self.remote_path(path)
        selector = FileSelector(root, allow_not_found=True, recursive=recursive)
        found = self.filesystem.get_file_info(selector)
        named = {PurePosixPath(each.path).relative_to(root): each for each in found}
        # a name must not lead out of the folder
        return {path / name: each for name, each in named.items() if ".." not in name.parts}

    def list_paths(self, path: Path) -> list[Path]:
        """Return what a folder holds at the address, as it would be called here."""
        return sorted(self.file_infos(path))

    def mark_as_copy(self) -> None:
        """Mark the folder as the copy of its address.

        Raises:
            InputError: If it holds something else.
        """
        mark = self.folder / ADDRESS_FILE
        marked = mark.read_text() if mark.is_file() else ""
        if (
            strip_parameters(marked) != strip_parameters(self.uri)
            and self.folder.is_dir()
            and any(self.folder.iterdir())
        ):
            raise InputError([
                f"{self.folder}: the working copy of {self.uri} would lie here, and something else "
                "does; move it away, or type the command in another folder."
            ])
        self.folder.mkdir(parents=True, exist_ok=True)
        mark.write_text(self.uri)

    def refresh(self) -> set[Path]:
        """Fetch what is newer at the address than here; return the files that are newer here.

        The logs of the search are replaced only by longer ones, and nothing is while it runs here.

        Raises:
            InputError: If the folder holds something else.
        """
        listed = dict(self.list_remote_files()).items()
        found = {path: info for path, info in listed if info.is_file and not self.is_private(path)}
        if not found:
            return set()
        self.mark_as_copy()
        if not is_locked(self.folder / EVENT_LOG_FILE):  # else nothing is newer than the copy
            journal, here = found.get(self.folder / EVENT_LOG_FILE), self.folder / EVENT_LOG_FILE
            longer = journal is not None and journal.size > file_bytes(here)
            order = sorted(found.items(), key=lambda each: each[0].name != EVENT_LOG_FILE)
            self.download_files({
                path: info
                for path, info in order
                if (longer if path.name in APPEND_ONLY_FILES else is_newer_remotely(info, path))
            })
        return {
            path
            for path in self.list_local_files()
            if path not in found or is_newer_locally(found[path], path)
        }

    def list_remote_files(self) -> Iterator[tuple[Path, FileInfo]]:
        """Yield what the address holds, but for what stays apart."""
        for path, info in self.file_infos(self.folder).items():
            yield path, info
            if path.name not in EXCLUDED_NAMES and info.type is FileType.Directory:
                yield from self.file_infos(path, recursive=True).items()

    def list_local_files(self) -> Iterator[Path]:
        """Yield the files of the copy that lie at the address too, or should."""
        for path in self.folder.glob("*"):
            if path.name not in EXCLUDED_NAMES:
                files = [path] if path.is_file() else path.rglob("*")
                yield from (each for each in files if each.is_file() and not self.is_private(each))

    def is_private(self, path: Path) -> bool:
        """Return whether a file of the copy is for itself alone: half-written, or a lock."""
        within = path.relative_to(self.folder).parts
        return any(part.startswith(".") for part in within) or path.name.endswith("lock")

    def download_files(self, files: dict[Path, FileInfo]) -> None:
        """Fetch files; only when all of them are whole they take their places, the journal last.

        It may know less than what stands beside it, but never more: so it is to be fetched first.
        """
        with TemporaryDirectory(dir=self.folder, prefix=".") as partial:
            for number, (path, info) in enumerate(files.items()):
                part = Path(partial) / str(number)
                copy_file(self.filesystem, self.remote_path(path), part)
                if info.mtime_ns is not None:
                    os.utime(part, ns=(info.mtime_ns, info.mtime_ns))
            for number, path in reversed(list(enumerate(files))):
                path.parent.mkdir(parents=True, exist_ok=True)
                (Path(partial) / str(number)).replace(path)

    def fetch_checkpoint(self, path: str) -> None:
        """Copy a checkpoint from the address, unless it is here.

        Raises:
            FileNotFoundError: If there is none.
        """
        if Path(path).is_dir():
            return
        parent = Path(path).parent
        parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=parent, prefix=".") as partial:
            whole = Path(partial) / "whole"
            whole.mkdir()
            copy_files(self.filesystem, self.remote_path(path), whole)
            if not any(whole.iterdir()):
                raise FileNotFoundError(f"there is nothing at {self.to_address(path)}")
            whole.rename(path)

    def upload_file(self, path: Path, content: bytes) -> None:
        """Write a file of the folder at the address."""
        if (
            path.parent not in self.created_folders
        ):  # object stores have no folders, others want them first
            self.filesystem.create_dir(self.remote_path(path.parent), recursive=True)
            self.created_folders.add(path.parent)
        with self.filesystem.open_output_stream(self.remote_path(path)) as stream:
            stream.write(content)


def open_working_copy(address: str) -> WorkingCopy:
    """Return where the copy of a results folder at an address lies, or will.

    Raises:
        InputError: If it is the address of none.
    """
    name = PurePosixPath(urlsplit(address).path).name
    try:
        valid_location(address)
    except ValueError as error:
        raise InputError([f"{address.partition('@')[2]}: an address {error}."]) from None
    copy = WorkingCopy(Path(RESULTS_FOLDER).absolute() / name, address)
    with wrap_access_errors(address):
        if not name or copy.folder / SEARCH_FILE not in copy.list_paths(copy.folder):
            raise InputError([
                f"{address}: holds no {SEARCH_FILE}; name the address of a results folder."
            ])
    return copy


def fetch_results_folder(folder: Path | str) -> Path:
    """Return where a results folder lies on this machine: its copy, if it is at an address.

    Checkpoints are not copied, but for the winner's.

    Raises:
        InputError: If it cannot be.
    """
    if not is_url(str(folder)):
        return Path(folder)
    copy = open_working_copy(str(folder))
    with wrap_access_errors(copy.uri):
        copy.refresh()
    return copy.folder


def fetch_checkpoints(folder: Path, checkpoints: Iterable[Path]) -> None:
    """Fetch checkpoints that are not here, if the folder is the copy of an address that has them.

    Raises:
        InputError: If the address cannot be used.
    """
    mark = folder / ADDRESS_FILE
    if not mark.is_file():
        return
    copy = WorkingCopy(folder, mark.read_text())
    with wrap_access_errors(copy.uri):
        for path in dict.fromkeys(checkpoints):
            with suppress(FileNotFoundError):
                copy.fetch_checkpoint(str(path))


def strip_parameters(address: str) -> str:
    """Return an address without its parameters.

    >>> strip_parameters("s3://bucket/path?region=eu")
    's3://bucket/path'
    """
    return address.partition("?")[0].rstrip("/")


def file_bytes(path: Path) -> int:
    """Return the bytes of a file, 0 if it does not exist."""
    return path.stat().st_size if path.exists() else 0


def is_newer_remotely(remote: FileInfo, path: Path) -> bool:
    """Return whether a file is newer at an address, or only there."""
    if not path.exists():
        return True
    about = path.stat()
    if remote.mtime_ns is None:  # as some that fsspec knows do not say
        return bool(remote.size != about.st_size)
    return bool(remote.mtime_ns > about.st_mtime_ns)


def is_newer_locally(remote: FileInfo, path: Path) -> bool:
    """Return whether a file is newer here than at an address, where S3 counts whole seconds."""
    if remote.mtime_ns is None:
        return False
    return bool(
        path.stat().st_mtime_ns // NANOSECONDS_PER_SECOND
        > remote.mtime_ns // NANOSECONDS_PER_SECOND
    )
