"""SVHN: 73,257 and 26,032 colour house numbers of 32x32 (Netzer et al., 2011)."""

from trainables.data._torchvision import load_splits
from trainables.data_pipeline.images import Dataset
from trainables.hparams.ranges import PathText

RECIPE = "svhn"
MEAN, STD = (0.4377, 0.4438, 0.4728), (0.1980, 0.2010, 0.1970)
"""Of the training images."""


def load(*, root: PathText = "data", download: bool = True) -> Dataset:
    """Return the data set.

    Args:
        root: Folder of torchvision's files; relative to the current folder of the command.
        download: Whether to download missing files.
    """
    train, test = load_splits("SVHN", root, download, {"split": "train"}, {"split": "test"})
    return Dataset(train=train, test=test, classes=10, mean=MEAN, std=STD)
