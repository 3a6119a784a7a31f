"""Fashion-MNIST: grey pictures of clothes, 28x28 (Xiao et al., 2017, arXiv:1708.07747)."""

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
    train, test = load_splits("FashionMNIST", root, download, {"train": True}, {"train": False})
    return Dataset(train=train, test=test, classes=10, mean=(0.0,), std=(1.0,))
