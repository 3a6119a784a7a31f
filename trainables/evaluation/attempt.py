"""The attempts that an evaluation attack consists of."""

from typing import NamedTuple, Protocol

from torch import Generator, Tensor
from torch.nn import Module

from trainables.threat import Threat


class TargetedAttempt(NamedTuple):
    """Attempts, each with a target class.

    Attributes:
        points: The attempts, shaped as the images.
        target: The target class (N,) of each.
    """

    points: Tensor
    target: Tensor


class AttackAttempt(Protocol):
    """A function that makes one attempt for each image."""

    def __call__(
        self, model: Module, x: Tensor, y: Tensor, *, threat: Threat, rng: Generator
    ) -> Tensor | TargetedAttempt:
        """Return attempts, shaped as `x`; with target classes if the hits are to be counted.

        Args:
            model: Images (N, C, H, W) in [0, 1] to logits (N, K); in eval mode and frozen.
            x: Images (N, C, H, W) that are classified correctly.
            y: Their labels (N,).
            threat: The set of allowed perturbations.
            rng: Source of random numbers.
        """
        ...
