"""Atomic file writes."""

from collections.abc import Callable
from pathlib import Path


def write_atomically(path: Path, write_to: Callable[[Path], object]) -> None:
    """Write a file under another name and rename it, so that it is never seen half-written.

    Raises:
        OSError: If the storage refuses it.
    """
    new = path.with_name(f".{path.name}")
    try:
        new.unlink(missing_ok=True)  # it may be a link that leads elsewhere
        write_to(new)
        new.replace(path)
    except OSError:
        new.unlink(missing_ok=True)  # of a full disk
        raise
