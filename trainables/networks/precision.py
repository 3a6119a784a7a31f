"""Numerical precision of networks; losses, weight gradients and updates stay in fp32.

`auto` is bf16 on GPUs that compute in it (since Ampere) and fp32 elsewhere. On an H200 a training
step of WRN-28-10 took 99 ms in bf16, 174 in TF32 and 1343 in fp32. Over five seeds on MNIST, bf16
and fp32 were a fifth of the deviation between seeds apart (`benchmarks/studies/precision_mnist`).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from trainables.hparams.ranges import PrecisionChoice

Precision = Literal["fp32", "tf32", "bf16"]
BF16_CAPABILITY = 8
"""Compute capability from which NVIDIA's GPUs have tensor cores for bf16 and TF32."""


class Network(nn.Sequential):
    """A sequence of layers that can compute in bf16.

    Attributes:
        is_mixed: Whether the layers run under bf16 autocast. Weights and logits stay fp32.
        is_compiled: Whether torch compiles the layers.
        is_graphed: Whether attacks outside of training may run it as CUDA graphs.
    """

    is_mixed = False
    is_compiled = False
    is_graphed = True

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


def resolve_precision(choice: PrecisionChoice, device: str) -> Precision:
    """Return the precision that `choice` stands for on a device ("cpu" or "cuda")."""
    if choice != "auto":
        return choice
    has_bf16 = device == "cuda" and torch.cuda.get_device_capability()[0] >= BF16_CAPABILITY
    return "bf16" if has_bf16 else "fp32"


def set_precision(model: nn.Module, precision: Precision) -> None:
    """Set the precision of a network; fp32 and tf32 apply to the whole process.

    Args:
        model: The network; changed in place.
        precision: "tf32" drops 13 bits of products on GPUs that support it; otherwise it is "fp32".
    """
    allow_tf32(allowed=precision != "fp32")
    for network in find_networks(model):
        network.is_mixed = precision == "bf16"


def allow_graphs(model: nn.Module, *, allowed: bool) -> None:
    """Set whether attacks of validation and evaluation may run a network as CUDA graphs."""
    for network in find_networks(model):
        network.is_graphed = allowed


def set_deterministic(*, wanted: bool) -> None:
    """Set whether operations on GPUs must give the same numbers each time, in the whole process.

    An operation that cannot raises an error then.
    """
    if wanted != torch.are_deterministic_algorithms_enabled():  # it imports torch.compile's parts
        torch.use_deterministic_algorithms(wanted)
    torch.backends.cudnn.deterministic = wanted
    if wanted:  # cuBLAS needs a separate workspace for each stream
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def compile_layers(model: nn.Module) -> None:
    """Compile a network with torch; compilation happens during the first steps."""
    for network in find_networks(model):
        network.is_compiled = True
        network.compile()


def is_mixed(model: nn.Module) -> bool:
    """Return whether a network computes in bf16."""
    return any(network.is_mixed for network in find_networks(model))


def allow_tf32(*, allowed: bool) -> None:
    """Set whether products of fp32 numbers may be computed in TF32, in the whole process."""
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed


def is_reduced(model: nn.Module) -> bool:
    """Return whether a network computes in bf16 or may compute in TF32."""
    return is_mixed(model) or torch.get_float32_matmul_precision() != "highest"


@contextmanager
def full_precision(model: nn.Module) -> Iterator[None]:
    """Let a network compute in fp32 inside the block and restore its precision afterwards."""
    mixed = [network for network in find_networks(model) if network.is_mixed]
    allowed = torch.get_float32_matmul_precision() != "highest"
    for network in mixed:
        network.is_mixed = False
    allow_tf32(allowed=False)
    try:
        yield
    finally:
        allow_tf32(allowed=allowed)
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
