"""Numerical precision of networks; losses, weight gradients and updates stay in fp32."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

Precision = Literal["fp32", "tf32", "bf16"]


class Network(nn.Sequential):
    """A sequence of layers that can compute in bf16.

    Attributes:
        is_mixed: Whether the layers run under bf16 autocast. Weights and logits stay fp32.
        is_compiled: Whether torch compiles the layers.
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
    """Set the precision of a network; fp32 and tf32 apply to the whole process.

    Args:
        model: The network; changed in place.
        precision: "tf32" drops 13 bits of products on GPUs that support it; otherwise it is "fp32".
    """
    torch.set_float32_matmul_precision("highest" if precision == "fp32" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "fp32"
    for network in find_networks(model):
        network.is_mixed = precision == "bf16"


def compile_layers(model: nn.Module) -> None:
    """Compile a network with torch; compilation happens during the first steps."""
    for network in find_networks(model):
        network.is_compiled = True
        network.compile()


def is_mixed(model: nn.Module) -> bool:
    """Return whether a network computes in bf16."""
    return any(network.is_mixed for network in find_networks(model))


@contextmanager
def full_precision(model: nn.Module) -> Iterator[None]:
    """Let a network compute in fp32 inside the block and restore its precision afterwards."""
    mixed = [network for network in find_networks(model) if network.is_mixed]
    for network in mixed:
        network.is_mixed = False
    try:
        yield
    finally:
        for network in mixed:
            network.is_mixed = True


def find_networks(model: nn.Module) -> list[Network]:
    """Return the `Network` modules of a model: one, or several for an ensemble."""
    return [module for module in model.modules() if isinstance(module, Network)]


@contextmanager
def tuned_kernels() -> Iterator[None]:
    """Let cuDNN time its kernels inside the block, which pays where shapes repeat."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = not torch.are_deterministic_algorithms_enabled()
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before
