"""Activations by name, with the constants of Bag of Tricks' code (arXiv:2010.00467)."""

from collections.abc import Callable
from functools import partial
from typing import Literal

from torch import nn

Activation = Literal["relu", "leaky_relu", "elu", "celu", "selu", "gelu", "softplus", "tanh"]

MODULES: dict[Activation, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": partial(nn.LeakyReLU, 0.1),
    "elu": nn.ELU,
    "celu": partial(nn.CELU, 1.2),
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}
