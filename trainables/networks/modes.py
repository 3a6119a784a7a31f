"""Train or eval mode and frozen weights during an attack."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from torch.nn import Module

Mode = Literal["train", "eval"]


@contextmanager
def in_mode(model: Module, mode: Mode) -> Iterator[None]:
    """Set the mode of `model` inside the block and restore it afterwards."""
    was_training = model.training
    model.train(mode == "train")
    try:
        yield
    finally:
        model.train(was_training)


@contextmanager
def frozen_weights(model: Module) -> Iterator[None]:
    """Freeze the weights inside the block, so that an attack computes input gradients only."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    for p in trainable:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in trainable:
            p.requires_grad_(True)
