"""Working copies: local copies of results folders at addresses."""

import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType

from trainables.errors import InputError
from trainables.io.addresses import join_url
from trainables.io.remote_files import copy_file, copy_files, open_filesystem
from tuner.layout import EVENT_LOG_FILE, TRIALS_FOLDER
from tuner.storage.safe_files import is_locked

EXCLUDED_NAMES = frozenset({TRIALS_FOLDER, "tensorboard", "export"})
"""Not copied with the rest: checkpoints (fetched where needed), event files, local exports."""
APPEND_ONLY_FILES = frozenset({EVENT_LOG_FILE, "optuna.log"})
"""Files that only grow and must be of the same moment."""
NANOSECONDS_PER_SECOND = 10**9
ADDRESS_FILE = ".address"
"""File in a working copy that holds its address."""


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
        """The file system of the address."""
        return self._filesystem_and_path[0]

    def remote_path(self, path: Path | str) -> str:
        """Return the path of a file of the folder in `filesystem`."""
        return "/".join([self._filesystem_and_path[1], *Path(path).relative_to(self.folder).parts])

    def to_address(self, path: Path | str) -> str:
        """Return the address of a file of the folder."""
        return join_url(self.uri, *Path(path).relative_to(self.folder).parts)

    def to_local_path(self, address: str) -> str:
        """Return the path that a file at an address has in the folder."""
        root = PurePosixPath(urlsplit(self.uri).path)
        return str(self.folder / PurePosixPath(urlsplit(address).path).relative_to(root))

    def file_infos(self, path: Path, *, recursive: bool = False) -> dict[Path, FileInfo]:
        """Return the files and folders in a folder at the address, by their local paths.

        Args:
            path: The local path of the folder.
            recursive: Whether to list its subfolders too.
        """
        root = self.remote_path(path)
        selector = FileSelector(root, allow_not_found=True, recursive=recursive)
        infos = self.filesystem.get_file_info(selector)
        by_name = {PurePosixPath(info.path).relative_to(root): info for info in infos}
        # a name must not lead out of the folder
        return {path / name: info for name, info in by_name.items() if ".." not in name.parts}

    def list_paths(self, path: Path) -> list[Path]:
        """Return the local paths of what a folder at the address holds."""
        return sorted(self.file_infos(path))

    def mark_as_copy(self) -> None:
        """Mark the folder as the working copy of its address.

        Raises:
            InputError: If it already holds other files.
        """
        address_file = self.folder / ADDRESS_FILE
        address = address_file.read_text() if address_file.is_file() else ""
        if (
            strip_parameters(address) != strip_parameters(self.uri)
            and self.folder.is_dir()
            and any(self.folder.iterdir())
        ):
            raise InputError([
                f"{self.folder}: the working copy of {self.uri} belongs here, but the folder holds "
                "other files; move them away, or run the command in another folder."
            ])
        self.folder.mkdir(parents=True, exist_ok=True)
        address_file.write_text(self.uri)

    def refresh(self) -> set[Path]:
        """Fetch the files that are newer at the address; return those that are newer locally.

        The logs of the search are replaced only by longer ones. While the search runs on this
        machine, nothing is replaced.

        Raises:
            InputError: If the folder already holds other files.
        """
        listed = dict(self.list_remote_files()).items()
        remote = {path: info for path, info in listed if info.is_file and not self.is_private(path)}
        if not remote:
            return set()
        self.mark_as_copy()
        if not is_locked(self.folder / EVENT_LOG_FILE):  # a running search has the newest files
            event_log = self.folder / EVENT_LOG_FILE
            is_longer = event_log in remote and remote[event_log].size > file_bytes(event_log)
            ordered = sorted(remote.items(), key=lambda item: item[0].name != EVENT_LOG_FILE)
            self.download_files({
                path: info
                for path, info in ordered
                if (is_longer if path.name in APPEND_ONLY_FILES else is_newer_remotely(info, path))
            })
        return {
            path
            for path in self.list_local_files()
            if path not in remote or is_newer_locally(remote[path], path)
        }

    def list_remote_files(self) -> Iterator[tuple[Path, FileInfo]]:
        """Yield the files and folders at the address, without the content of excluded folders."""
        for path, info in self.file_infos(self.folder).items():
            yield path, info
            if path.name not in EXCLUDED_NAMES and info.type is FileType.Directory:
                yield from self.file_infos(path, recursive=True).items()

    def list_local_files(self) -> Iterator[Path]:
        """Yield the local files that belong to the address too."""
        for path in self.folder.glob("*"):
            if path.name not in EXCLUDED_NAMES:
                files = [path] if path.is_file() else path.rglob("*")
                yield from (f for f in files if f.is_file() and not self.is_private(f))

    def is_private(self, path: Path) -> bool:
        """Return whether a file stays local: it is half-written, or a lock."""
        parts = path.relative_to(self.folder).parts
        return any(part.startswith(".") for part in parts) or path.name.endswith("lock")

    def download_files(self, files: dict[Path, FileInfo]) -> None:
        """Fetch files; move them into place once all are complete, the event log last.

        The other files may be newer than the event log, but never older: it is fetched first.
        """
        with TemporaryDirectory(dir=self.folder, prefix=".") as temporary:
            for number, (path, info) in enumerate(files.items()):
                part = Path(temporary) / str(number)
                copy_file(self.filesystem, self.remote_path(path), part)
                if info.mtime_ns is not None:
                    os.utime(part, ns=(info.mtime_ns, info.mtime_ns))
            for number, path in reversed(list(enumerate(files))):
                path.parent.mkdir(parents=True, exist_ok=True)
                (Path(temporary) / str(number)).replace(path)

    def fetch_checkpoint(self, path: str) -> None:
        """Fetch a checkpoint from the address, unless the folder has it.

        Raises:
            FileNotFoundError: If the address has no such checkpoint.
        """
        if Path(path).is_dir():
            return
        parent = Path(path).parent
        parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=parent, prefix=".") as temporary:
            fetched = Path(temporary) / "checkpoint"
            fetched.mkdir()
            copy_files(self.filesystem, self.remote_path(path), fetched)
            if not any(fetched.iterdir()):
                raise FileNotFoundError(f"there is nothing at {self.to_address(path)}")
            fetched.rename(path)

    def upload_file(self, path: Path, content: bytes) -> None:
        """Write a file of the folder at the address."""
        # object stores have no folders, other file systems need them first
        if path.parent not in self.created_folders:
            self.filesystem.create_dir(self.remote_path(path.parent), recursive=True)
            self.created_folders.add(path.parent)
        with self.filesystem.open_output_stream(self.remote_path(path)) as stream:
            stream.write(content)


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
    local = path.stat()
    if remote.mtime_ns is None:  # some file systems of fsspec have no times
        return bool(remote.size != local.st_size)
    return bool(remote.mtime_ns > local.st_mtime_ns)


def is_newer_locally(remote: FileInfo, path: Path) -> bool:
    """Return whether a file is newer locally, in whole seconds, as S3 rounds its times."""
    if remote.mtime_ns is None:
        return False
    return bool(
        path.stat().st_mtime_ns // NANOSECONDS_PER_SECOND
        > remote.mtime_ns // NANOSECONDS_PER_SECOND
    )
