"""How VGG-16 pools images of other sizes than CIFAR's."""

import pytest
import torch

from trainables.models import vgg16


@pytest.mark.parametrize(("size", "left"), [(16, 1), (28, 1), (32, 1), (64, 2)])
def test_five_poolings_leave_something(size, left):
    net = vgg16.build((3, size, size), 10, width=2).eval()
    assert net[:-3](torch.rand(1, 3, size, size)).shape[-2:] == (left, left)
