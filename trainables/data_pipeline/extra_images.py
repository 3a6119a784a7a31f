"""Further training images, e.g. synthetic ones or unlabelled ones with pseudo-labels.

They are mixed into training batches (Carmon et al., arXiv:1905.13736; Gowal et al.,
arXiv:2110.09468), and never into the validation or test split.
"""

from pathlib import Path
from typing import overload

import numpy as np
import torch
from torch import Tensor

from trainables.data_pipeline.array_files import read_splits
from trainables.data_pipeline.array_values import (
    number_labels,
    read_labels,
    read_pixels,
)
from trainables.data_pipeline.images import DataError, Dataset, Images
from trainables.hparams.ranges import PathText

FORMER_VALUES = {"extra": None}


def read_extra(data: Dataset, *, extra: PathText | None = None) -> Images | None:
    """Return further training images; `None`: there are none.

    Args:
        data: The data set that they extend.
        extra: .npz file with further training images, of the same size and with the same labels,
            e.g. synthetic images, or unlabelled ones with pseudo-labels; each batch has
            `extra_share` of them. `None`: no further images.

    Raises:
        DataError: If the file cannot be read or its images do not fit the data set.
    """
    if extra is None:
        return None
    splits, _ = read_splits(Path(extra))
    split = splits.get("all") or splits.get("train")
    if split is None:
        raise DataError(f"{extra} must hold arrays called images and labels, or x and y.")
    where = [f"{extra}: {name}" for name in split.names]
    x, _ = read_pixels(split.images, where[0])
    if x.shape[1:] != data.train.x.shape[1:]:
        raise DataError(
            f"{where[0]} must hold images of {tuple(data.train.x.shape[1:])} (C, H, W), as the "
            f"data set, got {tuple(x.shape[1:])}."
        )
    labels = read_labels(split.labels, len(x), where[1])
    values = np.array(data.label_values or range(data.classes))
    return Images(x=x, y=number_labels(labels, values, where[1]))


@overload
def drop_copies(extra: Images, *held_out: Images) -> Images: ...
@overload
def drop_copies(extra: None, *held_out: Images) -> None: ...
def drop_copies(extra: Images | None, *held_out: Images) -> Images | None:
    """Return the further images that are no exact copies of validation or test images.

    Args:
        extra: The further images; `None`: there are none.
        held_out: The splits that training must not see.

    Raises:
        DataError: If all of them are copies.
    """
    if extra is None:
        return None
    kept = ~torch.stack([find_copies(extra, images) for images in held_out]).any(dim=0)
    if not kept.any():
        raise DataError("data.extra: all of its images are copies of validation or test images.")
    return extra if kept.all() else extra[kept.nonzero()[:, 0].to(extra.y.device)]


def find_copies(images: Images, others: Images) -> Tensor:
    """Return which images (N,), on the CPU, equal one of `others`; photographs are not compared."""
    if not isinstance(images.x, Tensor) or not isinstance(others.x, Tensor):
        return torch.zeros(len(images), dtype=torch.bool)
    # sums first, because comparing millions of images pixel by pixel takes long
    sums, known = (pixels.flatten(1).sum(dim=1).cpu() for pixels in (images.x, others.x))
    alike = torch.isin(sums, known)
    contents = {row.numpy().tobytes() for row in others.x.cpu()}
    for row in alike.nonzero()[:, 0].tolist():
        alike[row] = images.x[row].cpu().numpy().tobytes() in contents
    return alike
