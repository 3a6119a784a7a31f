"""Images read once a node: the first process leaves them in a file that the others map."""

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainables.data_pipeline.images import Dataset, Images

SPLITS = ("train", "test")


def cache_folder(study: str) -> Path:
    """Return the folder of a node with what trials of a study have read there.

    Args:
        study: Its own name, which no other has.
    """
    return Path(tempfile.gettempdir(), f"attuner-{study}")


def clear_cache(study: str) -> None:
    """Delete what trials of a study have read on this node."""
    shutil.rmtree(cache_folder(study), ignore_errors=True)


def read_once(load: Callable[[], Dataset], study: str, key: str) -> Dataset:
    """Return a data set, read by one process of this node alone.

    Photographs stay where they are, and what does not fit on the disk is read by each.

    Args:
        load: Reads it.
        study: On whose behalf, whose data does not change while it runs.
        key: Tells it from other data sets of the study.
    """
    folder = cache_folder(study) / hashlib.sha256(key.encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "images.pt"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go by the system at death
        if not file.exists():
            data = load()
            try:
                written = write_dataset(data, file)
            except (OSError, RuntimeError):
                written = False
            if not written:
                return data
    found: dict[str, Any] = torch.load(file, mmap=True, weights_only=True)
    return Dataset(**found | {name: Images(**found[name]) for name in SPLITS})


def write_dataset(data: Dataset, file: Path) -> bool:
    """Write a data set, whole or not at all, and say whether it is one of tensors."""
    content: dict[str, object] = {"classes": data.classes, "mean": data.mean, "std": data.std}
    for name in SPLITS:
        images = getattr(data, name)
        if not isinstance(images.x, Tensor):
            return False
        content[name] = {"x": images.x.contiguous(), "y": images.y.contiguous()}
    new = file.with_suffix(".new")
    torch.save(content, new)
    new.replace(file)
    return True
