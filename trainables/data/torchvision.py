"""Any classification data set of torchvision, with images of any size."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from trainables.data._torchvision import open_splits
from trainables.data_pipeline.array_values import describe_numbering, number_labels
from trainables.data_pipeline.decoded_images import match_channels, stack_images
from trainables.data_pipeline.images import Dataset
from trainables.data_pipeline.test_split import build_dataset
from trainables.hparams.ranges import Count, OpenFraction, PathText

RECIPE = "cifar10"
TRAIN_OR_NOT: tuple[dict[str, object], ...] = ({"train": True}, {"train": False})
TRAIN_AND_TEST: tuple[dict[str, object], ...] = ({"split": "train"}, {"split": "test"})
WHOLE: tuple[dict[str, object], ...] = ({},)
SPLITS: dict[str, tuple[dict[str, object], ...]] = {
    **dict.fromkeys(("KMNIST", "QMNIST", "USPS"), TRAIN_OR_NOT),
    "EMNIST": ({"split": "balanced", "train": True}, {"split": "balanced", "train": False}),
    **dict.fromkeys(("STL10", "GTSRB", "DTD", "Flowers102", "Food101", "PCAM"), TRAIN_AND_TEST),
    "FGVCAircraft": ({"split": "trainval"}, {"split": "test"}),
    "OxfordIIITPet": ({"split": "trainval"}, {"split": "test"}),
    "Imagenette": ({"split": "train"}, {"split": "val"}),
    **dict.fromkeys(("SEMEION", "EuroSAT", "SUN397", "Caltech101", "Caltech256"), WHOLE),
}
"""Data set to the arguments that select its training and test split; one entry: it has none."""
TorchvisionName = Literal[
    "KMNIST",
    "QMNIST",
    "USPS",
    "EMNIST",
    "STL10",
    "GTSRB",
    "DTD",
    "Flowers102",
    "Food101",
    "PCAM",
    "FGVCAircraft",
    "OxfordIIITPet",
    "Imagenette",
    "SEMEION",
    "EuroSAT",
    "SUN397",
    "Caltech101",
    "Caltech256",
]


def load(
    *,
    dataset: TorchvisionName,
    root: PathText = "data",
    size: Count | None = None,
    download: bool = True,
    test_share: OpenFraction = 0.2,
) -> Dataset:
    """Return the data set, held in memory and normalised by its training images.

    Args:
        dataset: Its name in `torchvision.datasets`; EMNIST is its balanced split.
        root: Folder of torchvision's files; relative to the current folder of the command.
        size: Height and width of the images, in pixels; each is cropped at its centre to a square
            and resized. `None`: all images have one size already.
        download: Whether to download missing files.
        test_share: Share of the images, stratified by class, that become the test split if
            torchvision has none.

    Raises:
        DataError: If files are missing, or sizes differ without `size`.
    """
    read = partial(read_items, size=size, source=dataset)
    splits = open_splits(dataset, root, download, SPLITS[dataset], read)
    values = np.unique(splits[0][1])
    numbered = [(x, number_labels(y, values, dataset)) for x, y in splits]
    train, *others = numbered
    if others:
        train_x, test_x = match_channels(train[0], others[0][0])
        train, others = (train_x, train[1]), [(test_x, others[0][1])]
    return build_dataset(
        train,
        others[0] if others else None,
        source=dataset,
        label_values=values.tolist(),
        test_share=test_share,
        notes=describe_numbering(values.tolist()),
    )


def read_items(
    split: Sequence[tuple[Image.Image, int]], *, size: int | None, source: str
) -> tuple[Tensor, np.ndarray]:
    """Return the pixels (N, C, H, W) and labels (N,) of a split.

    Args:
        split: Decoded images with their labels.
        size: Height and width of the images; `None`: as they are.
        source: Name of the data set, for messages.

    Raises:
        DataError: If sizes differ and `size` is `None`.
    """
    labels: list[int] = []

    def images() -> Iterator[Image.Image]:
        for index in range(len(split)):
            image, label = split[index]
            labels.append(int(label))
            yield image

    pixels = stack_images(images(), size, source)
    return pixels, torch.tensor(labels).numpy()
