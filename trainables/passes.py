"""What the attacks of an evaluation consist of."""

from typing import Protocol

from torch import Generator, Tensor
from torch.nn import Module

from trainables.threat import Threat


class Pass(Protocol):
    """One attempt at each of some images."""

    def __call__(
        self, model: Module, x: Tensor, y: Tensor, *, threat: Threat, rng: Generator
    ) -> Tensor:
        """Return attempts, shaped as `x`.

        Args:
            model: Images (N, C, H, W) in [0, 1] to logits (N, K); in eval mode and frozen.
            x: Images (N, C, H, W) that are classified correctly.
            y: Their labels (N,).
            threat: The set of allowed perturbations.
            rng: Source of all chance.
        """
        ...
