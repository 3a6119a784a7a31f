"""Custom images: a .npz file with x_train, y_train, x_test and y_test."""

from pathlib import Path

import numpy as np
import torch

from trainables.data_pipeline.images import DataError, Dataset, Images
from trainables.hparams.ranges import PathText

RECIPE = "cifar10"
ARRAY_NAMES = ("x_train", "y_train", "x_test", "y_test")
MEDMNIST_NAMES = ("train_images", "train_labels", "test_images", "test_labels")
"""Names of the same arrays in the files of MedMNIST, whose labels are (N, 1)."""


def load(*, path: PathText) -> Dataset:
    """Return the images of a .npz file, normalised by mean and std of its training images.

    Args:
        path: File with uint8 images x_train, x_test (N, H, W, C) or (N, H, W) and integer labels
            y_train, y_test (N,) from 0.

    Raises:
        DataError: If the file cannot be read or has other content.
    """
    arrays = read_arrays(Path(path))
    train, test = (split_images(arrays, split, path) for split in ("train", "test"))
    if train.x.shape[1:] != test.x.shape[1:]:
        raise DataError(
            f"{path}: x_train and x_test must hold images of one size, "
            f"got {tuple(arrays['x_train'].shape[1:])} and {tuple(arrays['x_test'].shape[1:])}."
        )
    classes = int(train.y.max()) + 1
    if int(test.y.max()) >= classes:
        raise DataError(f"{path}: y_test has label {int(test.y.max())}, which y_train lacks.")
    if classes < 2:
        raise DataError(f"{path}: y_train must hold at least two classes, got one.")
    if len(labels := train.y.unique()) < classes:
        raise DataError(
            f"{path}: labels in y_train must be 0, 1, 2, ... without gaps, got {len(labels)} "
            f"labels from {int(labels[0])} to {int(labels[-1])}; number them with "
            "np.searchsorted(np.unique(y_train), y), for y_train and y_test."
        )
    pixels = train.x.float().double() / 255
    mean, std = pixels.mean(dim=(0, 2, 3)), pixels.std(dim=(0, 2, 3)).clamp(min=1e-3)
    return Dataset(
        train=train, test=test, classes=classes, mean=tuple(mean.tolist()), std=tuple(std.tolist())
    )


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the four arrays of the file at `path`.

    Raises:
        DataError: If the file is no complete .npz file or lacks an array.
    """
    if not path.is_file():
        raise DataError(
            f"no file {path}; data.path must name a .npz with {', '.join(ARRAY_NAMES)}."
        )
    try:
        # opened here, because numpy does not close a corrupt file
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            names = list(file)
            arrays = {key: file[key] for key in ARRAY_NAMES if key in file}
    except Exception as error:  # reading a corrupt or compressed file can raise anything
        raise DataError(
            f"{path} is not a complete .npz file of plain arrays; write the file again."
        ) from error
    if missing := [key for key in ARRAY_NAMES if key not in arrays]:
        hint = (
            " Its names are those of MedMNIST: write its train_images as x_train, "
            "train_labels[:, 0] as y_train, and the same for test."
            if set(MEDMNIST_NAMES) <= set(names)
            else ""
        )
        raise DataError(f"{path} must hold {', '.join(ARRAY_NAMES)}; it lacks {missing}.{hint}")
    return arrays


def split_images(arrays: dict[str, np.ndarray], split: str, path: str) -> Images:
    """Return one split, with axes (N, C, H, W).

    Raises:
        DataError: If shapes, types or ranges are not as `load` says.
    """
    x, y = arrays[f"x_{split}"], arrays[f"y_{split}"]
    if x.dtype != np.uint8 or x.ndim not in (3, 4) or (x.ndim == 4 and x.shape[-1] not in (1, 3)):
        raise DataError(
            f"{path}: x_{split} must be uint8 of shape (N, H, W) or (N, H, W, C) with C 1 or 3, "
            f"got {x.dtype} of shape {x.shape}."
        )
    if not np.issubdtype(y.dtype, np.integer) or y.shape != x.shape[:1] or not len(y):
        raise DataError(
            f"{path}: y_{split} must be one integer per image ({len(x)} of them, at least 1), "
            f"got {y.dtype} of shape {y.shape}.{' Write y[:, 0].' * (y.shape == (len(x), 1))}"
        )
    if y.min() < 0 or y.max() >= len(arrays["x_train"]):
        raise DataError(
            f"{path}: labels in y_{split} must be at least 0 and below {len(arrays['x_train'])}, "
            f"the number of training images, got {y.min()} to {y.max()}."
        )
    x = x[..., None] if x.ndim == 3 else x
    return Images(
        x=torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), y=torch.from_numpy(y.astype(np.int64))
    )
