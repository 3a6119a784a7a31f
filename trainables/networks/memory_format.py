"""Channels-last layout for convolutions, with the exception that torch's CPU kernels need."""

import torch
from torch import Tensor, nn


def to_channels_last(model: nn.Module) -> nn.Module:
    """Convert a network to channels last in place, except convolutions that would corrupt memory.

    Convolutions are fastest in channels last; the numbers are the same to rounding.

    Args:
        model: Any network, on the device that it runs on.

    Returns:
        The same network.
    """
    model.to(memory_format=torch.channels_last)
    for conv in model.modules():
        if isinstance(conv, nn.Conv2d) and conv.weight.device.type == "cpu" and is_unsafe(conv):
            conv.weight.data = with_channels_first(conv.weight.data)
            conv.register_forward_pre_hook(contiguous_input)
    return model


def with_channels_first(weight: Tensor) -> Tensor:
    """Return a copy of a weight whose strides are those of channels first.

    A 1x1 weight is contiguous in both layouts. `contiguous()` would keep the strides of channels
    last, which select the kernel in torch.
    """
    return weight.clone(memory_format=torch.contiguous_format)


def is_unsafe(conv: nn.Conv2d) -> bool:
    """Return whether the backward pass of a convolution may corrupt the heap in channels last.

    On CPUs, most often those without AVX-512, the backward pass of a 1x1 convolution with a stride
    and 2 to 4 input channels writes outside its buffers or hangs if its input or weights are
    channels last (seen with torch 2.11 and 2.15.0, oneDNN 3.13.3). 6 and 8 channels were not
    affected; the limit leaves a margin.
    """
    return conv.kernel_size == (1, 1) and max(conv.stride) > 1 and conv.in_channels < 8


def contiguous_input(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Return the inputs of a convolution in channels first; a forward pre-hook."""
    return tuple(x.contiguous() for x in inputs)
