"""CIFAR-10: 50,000 and 10,000 colour photographs of 32x32 (Krizhevsky, 2009)."""

from trainables.data._torchvision import load_splits
from trainables.data_pipeline.images import Dataset
from trainables.hparams.ranges import PathText

RECIPE = "cifar10"
MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2471, 0.2435, 0.2616)
"""As in Bag of Tricks' code (arXiv:2010.00467)."""


def load(*, root: PathText = "data", download: bool = True) -> Dataset:
    """Return the data set.

    Args:
        root: Folder of torchvision's files; relative to the current folder of the command.
        download: Whether to download missing files.
    """
    train, test = load_splits("CIFAR10", root, download, {"train": True}, {"train": False})
    return Dataset(train=train, test=test, classes=10, mean=MEAN, std=STD)
