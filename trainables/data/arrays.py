"""Custom images: a .npz file with arrays of images and labels, under any usual names."""

from pathlib import Path

import numpy as np
from torch import Tensor

from trainables.data_pipeline.array_files import LabelledArrays, read_splits
from trainables.data_pipeline.array_values import (
    describe_numbering,
    number_labels,
    read_labels,
    read_pixels,
)
from trainables.data_pipeline.images import DataError, Dataset
from trainables.data_pipeline.test_split import build_dataset
from trainables.hparams.ranges import OpenFraction, PathText

RECIPE = "cifar10"


def load(*, path: PathText, test_share: OpenFraction = 0.2) -> Dataset:
    """Return the images of a .npz file, normalised by mean and std of its training images.

    Args:
        path: File with images (N, H, W), (N, H, W, C) or (N, C, H, W), as uint8 or floats in
            [0, 1], and labels (N,), (N, 1) or one-hot (N, K). Names such as x_train and y_train,
            train_images and train_labels (MedMNIST), or images and labels are understood.
        test_share: Share of the images, stratified by class, that become the test split if the
            file has none.

    Raises:
        DataError: If the file cannot be read or has other content.
    """
    splits, left_out = read_splits(Path(path))
    train = splits.get("train") or splits.get("all")
    if train is None:
        have = ", ".join(name for split in splits.values() for name in split.names)
        raise DataError(f"{path} has no training images, only {have}; rename them to x_train.")
    test = splits.get("test") or splits.get("validation")
    used = {id(train), id(test)}
    left_out += [n for split in splits.values() if id(split) not in used for n in split.names]
    notes = [f"left out: {', '.join(left_out)}"] if left_out else []
    if test is not None and "test" not in splits:
        notes.append(f"the test split is {' and '.join(test.names)}")
    values = np.unique(read_labels(train.labels, len(train.images), f"{path}: {train.names[1]}"))
    pairs = []
    for split in filter(None, (train, test)):
        pair, split_notes = convert_split(split, values, path)
        pairs.append(pair)
        notes += split_notes
    return build_dataset(
        pairs[0],
        pairs[1] if test is not None else None,
        source=path,
        label_values=values.tolist(),
        test_share=test_share,
        notes=[*dict.fromkeys(notes), *describe_numbering(values.tolist())],
    )


def convert_split(
    split: LabelledArrays, values: np.ndarray, path: str
) -> tuple[tuple[Tensor, Tensor], list[str]]:
    """Return pixels and numbered labels of a split, and what was assumed.

    Args:
        split: Images and labels of the file.
        values: The sorted values of the training labels.
        path: Path of the file, for messages.

    Raises:
        DataError: If shapes, types or ranges are others than `load` says.
    """
    images, labels = (f"{path}: {name}" for name in split.names)
    pixels, notes = read_pixels(split.images, images)
    known = read_labels(split.labels, len(split.images), labels)
    return (pixels, number_labels(known, values, labels)), notes
