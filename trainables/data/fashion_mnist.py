"""Fashion-MNIST: grey pictures of clothes, 28x28 (Xiao et al., 2017, arXiv:1708.07747)."""

from trainables.data._torchvision import load_splits
from trainables.data_pipeline.images import Dataset
from trainables.hparams.ranges import PathText

RECIPE = "mnist"


def load(*, root: PathText = "data", download: bool = True) -> Dataset:
    """Return the data set, with raw pixels as its normalisation, as the field uses it.

    Args:
        root: Folder of torchvision's files; relative to where the command is typed.
        download: Whether to fetch them if they are missing.
    """
    train, test = load_splits("FashionMNIST", root, download, {"train": True}, {"train": False})
    return Dataset(train=train, test=test, classes=10, mean=(0.0,), std=(1.0,))
