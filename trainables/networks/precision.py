"""How many bits networks compute with; losses, gradients of weights and updates keep 32."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

Precision = Literal["fp32", "tf32", "bf16"]


class Network(nn.Sequential):
    """Layers in a row that may compute in bf16, whatever comes before and after them.

    Attributes:
        is_mixed: Whether they do, where autocast finds it safe. Weights and logits stay fp32.
        is_compiled: Whether torch compiles them.
    """

    is_mixed = False
    is_compiled = False

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (N, K) of images (N, C, H, W)."""
        logits = x
        if not self.is_mixed:
            for layer in self:
                logits = layer(logits)
            return logits
        with torch.autocast(x.device.type, torch.bfloat16):
            for layer in self:
                logits = layer(logits)
        return logits.float()


def set_precision(model: nn.Module, precision: Precision) -> None:
    """Let a network compute in a precision, and the whole process if it is fp32 or tf32.

    Args:
        model: Changed in place.
        precision: "tf32" drops 13 bits of products on GPUs that know it; elsewhere it is "fp32".
    """
    torch.set_float32_matmul_precision("highest" if precision == "fp32" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "fp32"
    for network in find_networks(model):
        network.is_mixed = precision == "bf16"


def compile_layers(model: nn.Module) -> None:
    """Let torch compile a network; the first steps take as long as that takes."""
    for network in find_networks(model):
        network.is_compiled = True
        network.compile()


def is_mixed(model: nn.Module) -> bool:
    """Return whether a network computes in bf16."""
    return any(network.is_mixed for network in find_networks(model))


@contextmanager
def full_precision(model: nn.Module) -> Iterator[None]:
    """Let a network compute in fp32, and as it did on leaving."""
    mixed = [network for network in find_networks(model) if network.is_mixed]
    for network in mixed:
        network.is_mixed = False
    try:
        yield
    finally:
        for network in mixed:
            network.is_mixed = True


def find_networks(model: nn.Module) -> list[Network]:
    """Return the networks that a model consists of, one but for an ensemble."""
    return [module for module in model.modules() if isinstance(module, Network)]
