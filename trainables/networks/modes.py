"""How a network treats batch statistics and parameters while it is attacked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from torch.nn import Module

Mode = Literal["train", "eval"]


@contextmanager
def in_mode(model: Module, mode: Mode) -> Iterator[None]:
    """Put `model` in `mode`, and back as it was on leaving."""
    was_training = model.training
    model.train(mode == "train")
    try:
        yield
    finally:
        model.train(was_training)


@contextmanager
def frozen_weights(model: Module) -> Iterator[None]:
    """Make `model` a constant, so that an attack pays for input gradients only."""
    thawed = [p for p in model.parameters() if p.requires_grad]
    for p in thawed:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in thawed:
            p.requires_grad_(True)
