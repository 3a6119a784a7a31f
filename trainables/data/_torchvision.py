"""Data sets that torchvision downloads and checks."""

import shutil
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch

from trainables.data_pipeline.images import Images, MissingDataError

Converted = TypeVar("Converted")


def load_splits(
    name: str, root: str, download: bool, train: Mapping[str, object], test: Mapping[str, object]
) -> tuple[Images, Images]:
    """Return the two splits of torchvision's data set `name`, which it holds in memory.

    Args:
        name: Its class in `torchvision.datasets`.
        root: Folder of the files.
        download: Whether to download missing files.
        train: Arguments that select the training split in torchvision.
        test: Arguments that select the test split.

    Raises:
        MissingDataError: If files are missing or corrupt and cannot be downloaded.
    """
    first, second = open_splits(name, root, download, (train, test), as_images)
    return first, second


def open_splits(
    name: str,
    root: str,
    download: bool,
    splits: tuple[Mapping[str, object], ...],
    convert: Callable[..., Converted],
) -> list[Converted]:
    """Return the converted splits of torchvision's data set `name`.

    Args:
        name: Its class in `torchvision.datasets`.
        root: Folder of the files.
        download: Whether to download missing files.
        splits: Arguments that select each split in torchvision.
        convert: From torchvision's data set to the result.

    Raises:
        MissingDataError: If files are missing or corrupt and cannot be downloaded.
    """
    from torchvision import datasets  # noqa: PLC0415  # slow to import and rarely needed

    build = getattr(datasets, name)
    is_new = download and not Path(root).exists()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # from torchvision, about numpy internals
            return [convert(build(root, download=download, **split)) for split in splits]
    except (RuntimeError, OSError, EOFError, ValueError, ImportError) as error:
        if is_new:
            shutil.rmtree(root, ignore_errors=True)  # remove an incomplete download
        raise MissingDataError(
            f"{name} is missing or incomplete in {root} and "
            f"{'could not be downloaded' if download else 'data.download=false'} "
            f"({str(error).splitlines()[0]}). Put torchvision's files there, or name the folder "
            "that holds them with data.root=FOLDER"
            f"{'' if download else ', or allow data.download=true'}."
        ) from error


class TorchvisionSplit(Protocol):
    """A data set of torchvision in memory; its labels are `targets` or `labels`."""

    data: np.ndarray | torch.Tensor


def as_images(split: TorchvisionSplit) -> Images:
    """Return a torchvision data set as tensors (N, C, H, W), for any order of its axes."""
    x = torch.as_tensor(split.data)
    y = torch.as_tensor(getattr(split, "targets", getattr(split, "labels", None)))
    if x.dim() == 3:
        x = x[:, None]
    elif x.shape[-1] == 3:
        x = x.permute(0, 3, 1, 2)
    return Images(x=x.contiguous(), y=y.long())
