"""Pixels and labels of any array type and axis order, as images and class indices."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from trainables.data_pipeline.images import DataError

ROUNDING = 1e-3
"""Largest distance of a pixel from a grey level that counts as rounding."""


def read_pixels(x: np.ndarray, where: str) -> tuple[Tensor, list[str]]:
    """Return images as uint8 pixels (N, C, H, W), and what was assumed.

    Args:
        x: Images (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1 or 3; grey levels from 0 to 255,
            or floats from 0 to 1.
        where: File and name of the array.

    Raises:
        DataError: If shape, type or range are others.
    """
    notes = []
    if x.ndim == 3:
        x = x[..., None]
    elif x.ndim == 4 and x.shape[-1] not in (1, 3) and x.shape[1] in (1, 3):
        x = x.transpose(0, 2, 3, 1)
        notes.append(f"{where}: axes are (N, C, H, W)")
    if x.ndim != 4 or x.shape[-1] not in (1, 3) or not x.size:
        raise DataError(
            f"{where} must have shape (N, H, W), (N, H, W, C) or (N, C, H, W) with C 1 or 3, got "
            f"{x.shape}."
        )
    if x.dtype != np.uint8:
        x, note = round_pixels(x, where)
        notes += note
    return torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), notes


def round_pixels(x: np.ndarray, where: str) -> tuple[np.ndarray, list[str]]:
    """Return images of another type as uint8, and what was assumed.

    Raises:
        DataError: If they are neither floats from 0 to 1 nor whole numbers from 0 to 255.
    """
    is_number = np.issubdtype(x.dtype, np.floating) or np.issubdtype(x.dtype, np.integer)
    low, high = (float(x.min()), float(x.max())) if is_number else (float("nan"), float("nan"))
    got = f"got {x.dtype} from {low:g} to {high:g}"
    if not 0 <= low <= high <= 255:  # nan compares as False
        raise DataError(
            f"{where} must hold grey levels from 0 to 255 or floats from 0 to 1, {got}; "
            "undo a normalisation, and write the pixels as uint8."
        )
    scale = 255 if high <= 1 and np.issubdtype(x.dtype, np.floating) else 1
    levels = np.rint(x * scale)
    distance = float(np.abs(x * scale - levels).max())
    if scale == 1 and distance > ROUNDING:
        raise DataError(f"{where} must hold whole grey levels or floats from 0 to 1, {got}.")
    exact = "" if distance <= ROUNDING else ", rounded to 256 grey levels"
    text = f"{where}: {x.dtype} from {low:g} to {high:g} is read as pixels{exact}"
    return levels.astype(np.uint8), [text]


def read_labels(y: np.ndarray, number: int, where: str) -> np.ndarray:
    """Return one whole number or word per image (N,).

    Args:
        y: Labels (N,) or (N, 1), or one-hot (N, K).
        number: Number of images N.
        where: File and name of the array.

    Raises:
        DataError: If they are something else.
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.shape[:1] != (number,) or not number:
        raise DataError(f"{where} must have one label for each of {number} images, got {y.shape}.")
    if y.ndim == 2 and y.dtype.kind in "biuf":
        if not (np.isin(y, (0, 1)).all() and (y.sum(axis=1) == 1).all()):
            raise DataError(
                f"{where} of shape {y.shape} must have a single 1 per row (one-hot); several "
                "classes per image, or probabilities, are not supported."
            )
        labels: np.ndarray = y.argmax(axis=1)
        return labels
    if y.ndim != 1 or y.dtype.kind not in "biuU":
        hint = " Write y.astype(int)." if y.dtype.kind == "f" and y.ndim == 1 else ""
        raise DataError(
            f"{where} must hold whole numbers, one per image, or one-hot rows, got {y.dtype} of "
            f"shape {y.shape}.{hint}"
        )
    return y.astype(np.int64) if y.dtype.kind == "b" else y


def number_labels(labels: np.ndarray, values: np.ndarray, where: str) -> Tensor:
    """Return labels as indices (N,) into the sorted values of the training labels.

    Raises:
        DataError: If a label is not among them.
    """
    missing = np.setdiff1d(labels, values)
    if len(missing):
        raise DataError(
            f"{where} has label {missing[0]}, which the training labels lack; they are "
            f"{format_values(values.tolist())}."
        )
    return torch.from_numpy(np.searchsorted(values, labels).astype(np.int64))


def format_values(values: Sequence[int | str]) -> str:
    """Return labels as text, at most four of them.

    >>> format_values([1, 2, 3, 4, 5, 6]), format_values(["cat", "dog"])
    ('1, 2, 3, ..., 6', 'cat, dog')
    """
    shown = [str(value) for value in values]
    return ", ".join(shown if len(shown) <= 4 else [*shown[:3], "...", shown[-1]])


def describe_numbering(values: Sequence[int | str]) -> list[str]:
    """Return a note about labels that are not 0, 1, 2, ..., or no note.

    >>> describe_numbering([1, 2, 3]), describe_numbering([0, 1])
    (['labels 1, 2, 3 are numbered from 0 to 2'], [])
    """
    if list(values) == list(range(len(values))):
        return []
    return [f"labels {format_values(values)} are numbered from 0 to {len(values) - 1}"]
