"""Labelled images in .npz files, whatever their arrays are called."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trainables.data_pipeline.images import DataError

SPLIT_WORDS = {
    "train": ("training", "train", "tr"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("testing", "test", "te"),
}
"""Split to its name in the names of arrays."""
ROLE_WORDS = {
    "images": (
        *("x", "image", "images", "img", "imgs", "data", "pixels"),
        *("input", "inputs", "feature", "features"),
    ),
    "labels": ("y", "label", "labels", "target", "targets"),
}
"""What an array holds to its name in the names of arrays."""


@dataclass(frozen=True)
class LabelledArrays:
    """The images and labels of one split of a file, as the file has them.

    Attributes:
        images: Array of images.
        labels: Array of labels.
        names: Names of the two arrays in the file.
    """

    images: np.ndarray
    labels: np.ndarray
    names: tuple[str, str]


def read_splits(path: Path) -> tuple[dict[str, LabelledArrays], list[str]]:
    """Return the labelled images of each split in a .npz file, and the arrays that are left out.

    Splits are called "train", "validation" and "test"; "all" if the names of the arrays say none.

    Raises:
        DataError: If the file is no complete .npz file or holds no labelled images.
    """
    if not path.is_file():
        raise DataError(f"no file {path}; expected a .npz file with images and labels.")
    try:
        # opened here, because numpy does not close a corrupt file
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            names = list(file)
            pairs = pair_arrays(names, path)
            splits = {
                split: LabelledArrays(file[images], file[labels], (images, labels))
                for split, (images, labels) in pairs.items()
            }
    except DataError:
        raise
    except Exception as error:  # reading a corrupt or compressed file can raise anything
        raise DataError(
            f"{path} is not a complete .npz file of plain arrays; write the file again."
        ) from error
    used = {name for split in splits.values() for name in split.names}
    return splits, [name for name in names if name not in used]


def pair_arrays(names: Sequence[str], path: Path) -> dict[str, tuple[str, str]]:
    """Return the names of images and labels of each split among the names of arrays.

    Beside training images and labels, arrays that name no split count only as one pair: `labels`
    alone holds names of the classes, for example.

    Raises:
        DataError: If two arrays have one meaning, or a split lacks images or labels.
    """
    meanings = {name: meaning for name in names if (meaning := parse_array_name(name))}
    has_train = {("train", role) for role in ROLE_WORDS} <= {*meanings.values()}
    without_split = sorted(role for split, role in meanings.values() if split == "all")
    ignores_all = has_train and without_split != sorted(ROLE_WORDS)
    found: dict[tuple[str, str], str] = {}
    for name, meaning in meanings.items():
        if ignores_all and meaning[0] == "all":
            continue
        if meaning in found:
            split, role = meaning
            raise DataError(
                f"{path}: both {found[meaning]} and {name} may be the {role} of {split}; remove "
                "or rename one of them."
            )
        found[meaning] = name
    for (split, role), name in found.items():
        other = "labels" if role == "images" else "images"
        if split != "validation" and (split, other) not in found:
            raise DataError(
                f"{path} has {name} but no {other} of {split}; it holds "
                f"{', '.join(names)}. Add them, or remove {name}."
            )
    pairs = {
        split: (found[split, "images"], found[split, "labels"])
        for split in (*SPLIT_WORDS, "all")
        if {(split, "images"), (split, "labels")} <= found.keys()
    }
    if not pairs:
        raise DataError(
            f"{path} must hold images and labels, e.g. x_train, y_train, x_test, y_test, or "
            f"images and labels; it holds {', '.join(names) or 'nothing'}."
        )
    return pairs


def parse_array_name(name: str) -> tuple[str, str] | None:
    """Return the split and the role of an array by its name; `None`: the name says neither.

    >>> [parse_array_name(name) for name in ("X_train", "test_labels", "image", "weights")]
    [('train', 'images'), ('test', 'labels'), ('all', 'images'), None]
    """
    text = re.sub(r"[^a-z0-9]", "", name.lower())
    for split, rest in split_candidates(text):
        for role, words in ROLE_WORDS.items():
            if rest in words:
                return split, role
    return None


def split_candidates(text: str) -> Iterator[tuple[str, str]]:
    """Yield a name without the word of a split, for each split whose word it begins or ends with.

    >>> list(split_candidates("xtrain"))
    [('train', 'x'), ('all', 'xtrain')]
    """
    for split, words in SPLIT_WORDS.items():
        for word in words:
            if text.startswith(word):
                yield split, text[len(word) :]
            if text.endswith(word):
                yield split, text[: -len(word)]
    yield "all", text
