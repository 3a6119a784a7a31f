"""The activation of any network, with the constants of Bag of Tricks' code (arXiv:2010.00467)."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Literal

from torch import nn

from trainables.hparams.knobs import read_knobs
from trainables.hparams.ranges import FractionBelowOne, Positive

Activation = Literal["relu", "leaky_relu", "elu", "celu", "selu", "gelu", "softplus", "tanh"]

ACTIVATION_OF_KNOB = {
    "leaky_slope": "leaky_relu",
    "elu_alpha": "elu",
    "celu_alpha": "celu",
    "softplus_beta": "softplus",
}
"""The constants, and the activation that each belongs to."""


def with_activation(
    net: nn.Module,
    *,
    activation: Activation = "relu",
    leaky_slope: FractionBelowOne = 0.1,
    elu_alpha: Positive = 1.0,
    celu_alpha: Positive = 1.2,
    softplus_beta: Positive = 1.0,
) -> nn.Module:
    """Return `net` with another activation in place of every ReLU.

    Args:
        net: A network whose activations are `nn.ReLU` modules; changed in place.
        activation: What to put there.
        leaky_slope: Slope of leaky_relu below zero.
        elu_alpha: What elu falls to below zero, times -1.
        celu_alpha: Likewise of celu.
        softplus_beta: Sharpness of softplus; the published code has 1, Xie et al. of
            arXiv:2006.14536 speak of 10, and which of them the tables used is unknown.
    """
    kinds: dict[Activation, Callable[[], nn.Module]] = {
        "relu": nn.ReLU,
        "leaky_relu": partial(nn.LeakyReLU, leaky_slope),
        "elu": partial(nn.ELU, elu_alpha),
        "celu": partial(nn.CELU, celu_alpha),
        "selu": nn.SELU,
        "gelu": nn.GELU,
        "softplus": partial(nn.Softplus, softplus_beta),
        "tanh": nn.Tanh,
    }
    for parent in list(net.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.ReLU):
                setattr(parent, name, kinds[activation]())
    return net


def idles(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield the problem of a constant that was set for another activation than the chosen one."""
    model = config["model"]
    chosen = model.get("activation")
    for knob, owner in ACTIVATION_OF_KNOB.items():
        usual = read_knobs(with_activation)[knob].default
        if chosen not in (None, owner) and model.get(knob) != usual:
            yield (
                f"model.{knob}: changes nothing with activation={chosen}; "
                f"write model.activation={owner}."
            )
