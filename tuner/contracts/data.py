"""The contract of data sets: `load`."""

from collections.abc import Iterator

import torch
from torch import Tensor

from trainables.bound_components import BoundMember
from trainables.data_pipeline.images import DataError, Dataset, Images, MissingDataError
from trainables.data_pipeline.photos import Photos


def check_dataset(member: BoundMember) -> Iterator[str]:
    """Yield where splits, labels or normalisation of a data set are invalid."""
    try:
        data = member["load"]()
    except MissingDataError:
        return
    except DataError as error:
        yield str(error)
        return
    if not isinstance(data, Dataset):
        yield (
            "load: must return a trainables.data_pipeline.images.Dataset, got "
            f"{type(data).__name__}"
        )
        return
    for name in ("train", "test"):
        yield from check_split(f"load: {name}", getattr(data, name), data.classes)
    yield from check_splits_agree(data)
    yield from check_statistics(data)
    again = member["load"]()
    if not torch.equal(data.train.y, again.train.y) or not equal_pixels(data.train, again.train):
        yield "load: another call returns other images; fix the seed of its draws"


def check_splits_agree(data: Dataset) -> Iterator[str]:
    """Yield where the splits have other shapes, or the training split lacks a class."""
    if data.train.x.shape[1:] != data.test.x.shape[1:]:
        shapes = [tuple(split.x.shape[1:]) for split in (data.train, data.test)]
        yield f"load: both splits must have images of one shape, got {shapes[0]} and {shapes[1]}"
    if missing := sorted({*range(data.classes)} - {*data.train.y.tolist()}):
        yield f"load: train has no image of class {missing[0]} of {data.classes}"


def check_statistics(data: Dataset) -> Iterator[str]:
    """Yield where mean and standard deviation do not fit the channels or the [0, 1] scale."""
    channels = data.train.x.shape[1]
    if len(data.mean) != channels or len(data.std) != channels:
        yield f"load: mean and std must have {channels} values, one per channel"
    if not all(0 < value <= 1 for value in data.std):
        yield f"load: std must be above 0 and at most 1, for pixels in [0, 1], got {data.std}"
    if not all(0 <= value <= 1 for value in data.mean):
        yield f"load: mean must be in [0, 1], as the pixels, got {data.mean}"


def check_split(where: str, images: Images, classes: int) -> Iterator[str]:
    """Yield what is wrong with the images and labels of a split."""
    x, y = images.x, images.y
    if not isinstance(x, Photos) and (
        not isinstance(x, Tensor) or x.dtype != torch.uint8 or x.dim() != 4
    ):
        got = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        yield f"{where}.x must be uint8 pixels (N, C, H, W), got {got}"
    elif x.shape[1] not in (1, 3):
        yield f"{where}.x must have 1 or 3 channels at the second place, got {tuple(x.shape)}"
    if y.dtype != torch.int64 or y.shape != (x.shape[0],):
        yield (f"{where}.y must be int64 labels ({x.shape[0]},), got {y.dtype} {tuple(y.shape)}")
    elif len(y) and not 0 <= int(y.min()) <= int(y.max()) < classes:
        yield f"{where}.y must be from 0 to {classes - 1}, got {int(y.min())} to {int(y.max())}"


def equal_pixels(one: Images, other: Images) -> bool:
    """Return whether two splits have the same images; photographs by their files."""
    if isinstance(one.x, Photos) or isinstance(other.x, Photos):
        return one.x == other.x
    return torch.equal(one.x, other.x)


CHECKS = (check_dataset,)
