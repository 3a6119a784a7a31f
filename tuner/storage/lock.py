"""The file lock on an event log. The operating system releases it when the process ends."""

import fcntl
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

LOCK_ATTEMPTS = 10
RETRY_SECONDS = 0.02
"""Seconds between two attempts: `is_locked` in another process holds the lock for a moment."""


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
