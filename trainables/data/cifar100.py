"""CIFAR-100: 50,000 and 10,000 colour photographs of 32x32 (Krizhevsky, 2009)."""

from trainables.data._torchvision import load_splits
from trainables.data_pipeline.images import Dataset
from trainables.hparams.ranges import PathText

RECIPE = "cifar10"
MEAN, STD = (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)
"""Of the training images, as published training code has them."""


def load(*, root: PathText = "data", download: bool = True) -> Dataset:
    """Return the data set.

    Args:
        root: Folder of torchvision's files; relative to the current folder of the command.
        download: Whether to download missing files.
    """
    train, test = load_splits("CIFAR100", root, download, {"train": True}, {"train": False})
    return Dataset(train=train, test=test, classes=100, mean=MEAN, std=STD)
