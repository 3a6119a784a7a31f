"""A cache of data sets on each node: one process reads, the others map its file into memory."""

import fcntl
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from trainables.data_pipeline.images import Dataset, Images

SPLITS = ("train", "test", "extra")


def cache_folder(study: str) -> Path:
    """Return the cache folder of a study on this node.

    Args:
        study: Unique name of the study.
    """
    return Path(tempfile.gettempdir(), f"attuner-{study}")


def clear_cache(study: str) -> None:
    """Delete the cache of a study on this node."""
    shutil.rmtree(cache_folder(study), ignore_errors=True)


def read_once(load: Callable[[], Dataset], study: str, key: str) -> Dataset:
    """Return a data set that only one process of this node reads.

    Photographs are not cached. A data set that does not fit on the disk is read by each process.

    Args:
        load: Reads the data set.
        study: Unique name of the study; its data must not change while it runs.
        key: Identifies the data set within the study.
    """
    folder = cache_folder(study) / hashlib.sha256(key.encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "images.pt"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released by the system if the process dies
        if not file.exists():
            data = load()
            try:
                written = write_dataset(data, file)
            except (OSError, RuntimeError):
                written = False
            if not written:
                return data
    content = torch.load(file, mmap=True, weights_only=True)
    splits = {name: Images(**content[name]) for name in SPLITS if name in content}
    return Dataset(**content | splits)


def write_dataset(data: Dataset, file: Path) -> bool:
    """Write a data set atomically; return False, without writing, if it is not held in tensors."""
    names = ("classes", "mean", "std", "label_values", "notes")
    content: dict[str, object] = {name: getattr(data, name) for name in names}
    for name in SPLITS:
        images: Images | None = getattr(data, name)
        if images is None:
            continue
        if not isinstance(images.x, Tensor):
            return False
        content[name] = {"x": images.x.contiguous(), "y": images.y.contiguous()}
    new = file.with_suffix(".new")
    torch.save(content, new)
    new.replace(file)
    return True
