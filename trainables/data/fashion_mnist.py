"""Fashion-MNIST: grey pictures of clothes, 28x28 (Xiao et al., 2017, arXiv:1708.07747)."""

from trainables.data._torchvision import splits
from trainables.images import Dataset
from trainables.ranges import Folder

RECIPE = "mnist"


def load(*, root: Folder = "data", download: bool = True) -> Dataset:
    """Return the data set, with raw pixels as its normalisation, as the field uses it.

    Args:
        root: Folder of torchvision's files; relative to where the command is typed.
        download: Whether to fetch them if they are missing.
    """
    train, test = splits("FashionMNIST", root, download, {"train": True}, {"train": False})
    return Dataset(train=train, test=test, classes=10, mean=(0.0,), std=(1.0,))
