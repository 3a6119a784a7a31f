"""A teacher: a second network, whose logits a training method learns from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from pydantic import AfterValidator
from torch import Tensor
from torch.nn import Module

from trainables.hparams.registry import load_member
from trainables.networks.modes import in_mode


def valid_model(name: str) -> str:
    """Return the name of a network.

    Raises:
        ValueError: If there is none.
    """
    try:
        load_member("trainables.models", name)
    except LookupError as error:
        raise ValueError(str(error)) from None
    return name


ModelName = Annotated[str, AfterValidator(valid_model)]
"""Name of a member of the group `model`, or path of a custom one."""


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A network that maps images (N, C, H, W) to logits (N, K), besides the one in training.

    Attributes:
        find_network: Returns the network; a weight average may have another one at a later call.
        is_trained: Whether the loss of the method trains it too. Then it is called in train mode
            with gradients, otherwise in eval mode without.
    """

    find_network: Callable[[], Module]
    is_trained: bool = False

    def __call__(self, x: Tensor) -> Tensor:
        """Return the logits of images."""
        network = self.find_network()
        if self.is_trained:
            trained: Tensor = network(x)
            return trained
        with torch.no_grad(), in_mode(network, "eval"):
            logits: Tensor = network(x)
        return logits

    @property
    def trained_network(self) -> Module | None:
        """The network if it is trained, for the optimizer and the checkpoint; otherwise `None`."""
        return self.find_network() if self.is_trained else None
