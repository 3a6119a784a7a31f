"""Addresses of files elsewhere, such as s3://bucket/path, and how they are reached."""

import re
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

SCHEME_PATTERN = re.compile(r"[a-zA-Z][\w+.-]*://")


def is_url(text: str) -> bool:
    """Return whether a word is an address rather than a path, or a key with its value.

    >>> is_url("s3://bucket/path?region=eu"), is_url("results=s3://bucket")
    (True, False)
    """
    return SCHEME_PATTERN.match(text) is not None


def join_url(address: str, *names: str) -> str:
    """Return the address of what lies below another.

    >>> join_url("s3://bucket/path?region=eu", "study", "trials")
    's3://bucket/path/study/trials?region=eu'
    >>> join_url("sftp:///srv/", "study"), join_url("file:///", "study")
    ('sftp:///srv/study', 'file:///study')
    """
    path, mark, query = address.partition("?")
    return "/".join([path.removesuffix("/"), *names]) + mark + query


def open_filesystem(address: str) -> tuple[FileSystem, str]:
    """Return what reads and writes at an address, and the path there.

    What pyarrow does not know is left to fsspec, which knows more, by packages of their own.

    Args:
        address: Or a path in full.

    Raises:
        OSError: If it cannot be reached.
        ValueError: If neither knows it.
        ImportError: If fsspec lacks a package for it.
    """
    try:
        found: tuple[FileSystem, str] = FileSystem.from_uri(address)
    except ArrowInvalid as error:
        if not str(error).startswith("Unrecognized filesystem"):
            raise ValueError(*error.args) from None
        files, path = url_to_fs(address)
        found = PyFileSystem(FSSpecHandler(files)), path
    return found


@contextmanager
def wrap_access_errors(address: str, key: str = "") -> Iterator[None]:
    """Say so if an address cannot be used while inside.

    Args:
        address: Which.
        key: What it was typed for; a folder that a command names if none.

    Raises:
        InputError: If it cannot.
    """
    try:
        yield
    except InputError:
        raise
    # fsspec's read-only file systems raise the last one
    except (OSError, ValueError, ImportError, NotImplementedError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError([
            f"{key and f'{key}: '}{address} cannot be used ({reason}); write an address that "
            "pyarrow or fsspec knows, such as s3://bucket/path?region=REGION, with the keys in "
            "the environment, or a folder."
        ]) from None


def read_bytes(address: str) -> bytes:
    """Return what a file holds.

    Raises:
        InputError: If it cannot be read.
    """
    with wrap_access_errors(address):
        files, path = open_filesystem(address)
        with files.open_input_stream(path) as stream:
            return bytes(stream.read())


@contextmanager
def temporary_copy(address: str) -> Iterator[Path]:
    """Give a copy of a file or a folder for as long as it is needed.

    Raises:
        FileNotFoundError: If there is none.
        InputError: If it cannot be read.
    """
    with TemporaryDirectory() as folder:
        copy = Path(folder) / PurePosixPath(urlsplit(address).path).name
        with wrap_access_errors(address):
            files, path = open_filesystem(address)
            there = files.get_file_info(path).type
            if there is FileType.File:
                copy_file(files, path, copy)
            elif there is FileType.Directory:
                copy.mkdir()
                copy_files(files, path, copy)
        if there is FileType.NotFound:
            raise FileNotFoundError(f"there is nothing at {address}.")
        yield copy


def copy_files(files: FileSystem, path: str, folder: Path) -> None:
    """Copy the files of a folder, but not its folders, whose names could lead out of ours."""
    for each in files.get_file_info(FileSelector(path)):
        if each.is_file:
            copy_file(files, each.path, folder / each.base_name)


def copy_file(files: FileSystem, path: str, target: Path) -> None:
    """Copy a file."""
    with target.open("wb") as written, files.open_input_stream(path) as stream:
        shutil.copyfileobj(stream, written)
