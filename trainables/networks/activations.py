"""Activations, with the constants of the code of Bag of Tricks (arXiv:2010.00467).

SiLU, which is also called Swish (Ramachandran et al., arXiv:1710.05941), is not among those; robust
networks have it since Gowal et al. (2020, arXiv:2010.03593).
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Literal

from torch import nn

from trainables.hparams.knobs import read_knobs
from trainables.hparams.ranges import FractionBelowOne, Positive

Activation = Literal[
    "relu", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "softplus", "tanh"
]

ACTIVATION_OF_KNOB = {
    "leaky_slope": "leaky_relu",
    "elu_alpha": "elu",
    "celu_alpha": "celu",
    "softplus_beta": "softplus",
}
"""Each constant, and the activation that uses it."""


def with_activation(
    net: nn.Module,
    *,
    activation: Activation = "relu",
    leaky_slope: FractionBelowOne = 0.1,
    elu_alpha: Positive = 1.0,
    celu_alpha: Positive = 1.2,
    softplus_beta: Positive = 1.0,
) -> nn.Module:
    """Return `net` with every ReLU replaced by another activation.

    Args:
        net: A network whose activations are `nn.ReLU` modules; changed in place.
        activation: The new activation.
        leaky_slope: Gradient of leaky_relu below zero (`negative_slope` of torch).
        elu_alpha: Alpha of elu, which tends to -alpha below zero.
        celu_alpha: Alpha of celu, likewise.
        softplus_beta: Beta of softplus. The published code has 1, Xie et al. (arXiv:2006.14536)
            report 10; which of the two the tables used is unknown.
    """
    kinds: dict[Activation, Callable[[], nn.Module]] = {
        "relu": nn.ReLU,
        "leaky_relu": partial(nn.LeakyReLU, leaky_slope),
        "elu": partial(nn.ELU, elu_alpha),
        "celu": partial(nn.CELU, celu_alpha),
        "selu": nn.SELU,
        "gelu": nn.GELU,
        "silu": nn.SiLU,
        "softplus": partial(nn.Softplus, softplus_beta),
        "tanh": nn.Tanh,
    }
    for parent in list(net.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.ReLU):
                setattr(parent, name, kinds[activation]())
    return net


def unused(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a problem if a constant is set that the chosen activation does not use."""
    model = config["model"]
    chosen = model.get("activation")
    for knob, owner in ACTIVATION_OF_KNOB.items():
        default = read_knobs(with_activation)[knob].default
        if chosen not in (None, owner) and model.get(knob) != default:
            yield (
                f"model.{knob}: has no effect with activation={chosen}; "
                f"write model.activation={owner}."
            )
