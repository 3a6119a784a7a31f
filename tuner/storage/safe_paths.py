"""Path and symlink checks: an untrusted results folder must not lead outside itself."""

import os
from collections.abc import Iterator
from pathlib import Path

from trainables.hparams.ranges import absolute_path


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

    Through it, a command would write or delete files of others.
    """
    for parent, folders, files in os.walk(folder):
        for path in (Path(parent, name) for name in (*folders, *files)):
            if path.is_symlink() and (target := target_outside(folder, path)):
                yield (
                    f"{path}: is a link to {target}, outside the results folder; delete it, or "
                    "replace it with a copy of its target."
                )
