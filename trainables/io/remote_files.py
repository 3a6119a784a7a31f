"""Access to remote files by address, e.g. s3://bucket/path."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from fsspec.core import url_to_fs
from pyarrow import ArrowInvalid
from pyarrow.fs import FileSelector, FileSystem, FileType, FSSpecHandler, PyFileSystem

from trainables.errors import InputError


def open_filesystem(address: str) -> tuple[FileSystem, str]:
    """Return the file system of an address and the path in it.

    Schemes that pyarrow does not support are passed to fsspec, which needs a package for some.

    Args:
        address: An address or an absolute path.

    Raises:
        OSError: If the file system cannot be reached.
        ValueError: If neither library supports the scheme.
        ImportError: If fsspec needs a package that is not installed.
    """
    try:
        filesystem, path = FileSystem.from_uri(address)
    except ArrowInvalid as error:
        if not str(error).startswith("Unrecognized filesystem"):
            raise ValueError(*error.args) from None
        fsspec_filesystem, path = url_to_fs(address)
        filesystem = PyFileSystem(FSSpecHandler(fsspec_filesystem))
    return filesystem, path


@contextmanager
def wrap_access_errors(address: str, key: str = "") -> Iterator[None]:
    """Turn access errors inside the block into an `InputError` that names the address.

    Args:
        address: The address that is accessed.
        key: Study key that the address was given for; "" for a folder argument.

    Raises:
        InputError: If the address cannot be accessed.
    """
    try:
        yield
    except InputError:
        raise
    # fsspec's read-only file systems raise NotImplementedError
    except (OSError, ValueError, ImportError, NotImplementedError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError([
            f"{key and f'{key}: '}{address} cannot be used ({reason}); write a folder, or an "
            "address that pyarrow or fsspec supports (s3://bucket/path?region=REGION, with the "
            "credentials in environment variables)."
        ]) from None


def read_bytes(address: str) -> bytes:
    """Return the content of a file.

    Raises:
        InputError: If the file cannot be read.
    """
    with wrap_access_errors(address):
        files, path = open_filesystem(address)
        with files.open_input_stream(path) as stream:
            return bytes(stream.read())


@contextmanager
def temporary_copy(address: str) -> Iterator[Path]:
    """Yield the path of a temporary copy of a file or folder.

    Raises:
        FileNotFoundError: If there is no file or folder at the address.
        InputError: If it cannot be read.
    """
    with TemporaryDirectory() as folder:
        copy = Path(folder) / PurePosixPath(urlsplit(address).path).name
        with wrap_access_errors(address):
            files, path = open_filesystem(address)
            kind = files.get_file_info(path).type
            if kind is FileType.File:
                copy_file(files, path, copy)
            elif kind is FileType.Directory:
                copy.mkdir()
                copy_files(files, path, copy)
        if kind is FileType.NotFound:
            raise FileNotFoundError(f"there is nothing at {address}.")
        yield copy


def copy_files(files: FileSystem, path: str, folder: Path) -> None:
    """Copy the files of a folder without its subfolders, whose names could leave the target."""
    for info in files.get_file_info(FileSelector(path)):
        if info.is_file:
            copy_file(files, info.path, folder / info.base_name)


def copy_file(files: FileSystem, path: str, target: Path) -> None:
    """Copy a file to a local path."""
    with target.open("wb") as written, files.open_input_stream(path) as stream:
        shutil.copyfileobj(stream, written)
