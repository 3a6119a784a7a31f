"""MNIST: 60,000 and 10,000 grey handwritten digits of 28x28 (LeCun et al., 1998)."""

from trainables.data._torchvision import load_splits
from trainables.data_pipeline.images import Dataset
from trainables.hparams.ranges import PathText

RECIPE = "mnist"


def load(*, root: PathText = "data", download: bool = True) -> Dataset:
    """Return the data set, without normalisation, as is usual for it.

    Args:
        root: Folder of torchvision's files; relative to the current folder of the command.
        download: Whether to download missing files.
    """
    train, test = load_splits("MNIST", root, download, {"train": True}, {"train": False})
    return Dataset(train=train, test=test, classes=10, mean=(0.0,), std=(1.0,))
