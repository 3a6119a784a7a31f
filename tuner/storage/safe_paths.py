"""Path and symlink checks: an untrusted results folder must not lead outside itself."""

import os
from collections.abc import Iterator
from pathlib import Path

from trainables.hparams.ranges import absolute_path


def path_problem(path: str) -> str:
    """Return why a path that results name is none below their folder, or nothing if it is.

    >>> path_problem("trials/1/0000/checkpoint_000000"), path_problem("../other")
    ('', 'must lead below the results folder, got ../other')
    """
    parts = path.split("/")  # pathlib takes ten times as long, and a journal has millions of them
    below = parts[0] not in {"", ".", ".."} and ".." not in parts and "\0" not in path
    return "" if below else f"must lead below the results folder, got {path or 'nothing'}"


def target_outside(folder: Path, path: Path) -> str:
    """Return where a path below a folder leads by way of links, if that is elsewhere."""
    end = absolute_path(path)
    return "" if end.is_relative_to(folder.resolve()) else str(end)


def check_links(folder: Path) -> Iterator[str]:
    """Yield the problem of each link in a results folder that leads out of it.

    What is written or deleted by way of it would not be of this study.
    """
    for where, folders, files in os.walk(folder):
        for path in (Path(where, name) for name in (*folders, *files)):
            if path.is_symlink() and (end := target_outside(folder, path)):
                yield (
                    f"{path}: is a link to {end}, outside the results folder; delete it, or put "
                    "what it leads to in its place."
                )
