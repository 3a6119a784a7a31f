"""Files of a results folder: safe paths, atomic writes and the lock of an event log.

An untrusted folder must not lead outside itself. The operating system releases a lock when the
process ends.
"""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

from trainables.hparams.ranges import absolute_path

MAX_LINKS = 5
"""Links out of a results folder that are named."""
LOCK_ATTEMPTS = 10
RETRY_SECONDS = 0.02
"""Seconds between two attempts: `is_locked` in another process holds the lock for a moment."""


def path_problem(path: str) -> str:
    """Return the problem of a path that does not lead below the results folder, else "".

    >>> path_problem("trials/1/0000/checkpoint_000000"), path_problem("../other")
    ('', 'must lead below the results folder, got ../other')
    """
    parts = path.split("/")  # pathlib is ten times slower, for up to millions of paths
    is_below = parts[0] not in {"", ".", ".."} and ".." not in parts and "\0" not in path
    return "" if is_below else f"must lead below the results folder, got {path or 'nothing'}"


def target_outside(folder: Path, path: Path) -> str:
    """Return the path that a path resolves to if that is outside a folder, else ""."""
    target = absolute_path(path)
    return "" if target.is_relative_to(folder.resolve()) else str(target)


def check_links(folder: Path) -> Iterator[str]:
    """Yield the problem of each link in a results folder that leads out of it.

    Through it, a command would write or delete files of others. After `MAX_LINKS` the search stops.
    """
    n_found = 0
    for parent, folders, files in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *files)):
            if path.is_symlink() and (target := target_outside(folder, path)):
                n_found += 1
                if n_found > MAX_LINKS:
                    yield f"{folder}: has more such links; is it a results folder?"
                    return
                yield (
                    f"{path}: is a link to {target}, outside the results folder; delete it, or "
                    "replace it with a copy of its target."
                )


def write_atomically(path: Path, write_to: Callable[[Path], object]) -> None:
    """Write a file under a temporary name and rename it, so that no reader sees half a file.

    Args:
        path: The file.
        write_to: Writes the content to the path that it is given.

    Raises:
        OSError: If the file cannot be written.
    """
    new = path.with_name(f".{path.name}")
    try:
        new.unlink(missing_ok=True)  # it may be a link to a file outside the folder
        write_to(new)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)  # frees the space where the disk is full
        raise


def acquire_lock(file: IO[bytes]) -> None:
    """Take the lock on an open file; closing the file releases it.

    Raises:
        OSError: If another process holds it.
    """
    for _ in range(LOCK_ATTEMPTS):
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(RETRY_SECONDS)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_locked(path: Path) -> bool:
    """Return whether a process holds the lock on a file, or that cannot be found out."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False
