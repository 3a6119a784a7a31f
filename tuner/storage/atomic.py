"""Atomic file writes."""

from collections.abc import Callable
from pathlib import Path


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
