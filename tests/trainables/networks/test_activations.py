"""Swapping the activation of a network."""

import pytest
import torch
from torch import nn

from trainables.networks.activations import with_activation


def value(**settings):
    net = with_activation(nn.Sequential(nn.Sequential(nn.ReLU())), **settings)
    return net(torch.tensor([-1.0])).item()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 0.0),
        ({"activation": "leaky_relu"}, -0.1),
        ({"activation": "leaky_relu", "leaky_slope": 0.3}, -0.3),
        ({"activation": "elu"}, -0.632121),  # exp(-1) - 1
        ({"activation": "elu", "elu_alpha": 0.5}, -0.316060),
        ({"activation": "celu"}, -0.678482),  # 1.2 (exp(-1 / 1.2) - 1)
        ({"activation": "celu", "celu_alpha": 2.0}, -0.786939),
        ({"activation": "selu"}, -1.111331),  # 1.0507 * 1.67326 (exp(-1) - 1)
        ({"activation": "gelu"}, -0.158655),  # -Phi(-1)
        ({"activation": "silu"}, -0.268941),  # -1 / (1 + e)
        ({"activation": "softplus"}, 0.313262),  # log(1 + exp(-1))
        ({"activation": "softplus", "softplus_beta": 10.0}, 0.0000045399),
        ({"activation": "tanh"}, -0.761594),
    ],
)
def test_at_minus_one(settings, expected):
    assert value(**settings) == pytest.approx(expected, rel=1e-5)
