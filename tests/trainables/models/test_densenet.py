"""What is left of torchvision's network, and how it starts."""

import torch
from torch import nn

from trainables.models import densenet121


def test_the_classifier_sees_an_eighth_of_height_and_width_after_an_activation():
    net = densenet121.build((3, 32, 32), 10).eval()
    features = net[:-3](torch.rand(1, 3, 32, 32))
    assert features.shape == (1, 1024, 4, 4)
    assert (features >= 0).all()


def test_convolutions_start_as_those_of_the_other_networks():
    net = densenet121.build((3, 32, 32), 10)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            bound = (module.in_channels * module.kernel_size[0] ** 2) ** -0.5
            assert module.weight.abs().max() <= bound
