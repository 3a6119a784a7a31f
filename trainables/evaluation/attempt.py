"""What the attacks of an evaluation consist of."""

from typing import NamedTuple, Protocol

from torch import Generator, Tensor
from torch.nn import Module

from trainables.threat import Threat


class TargetedAttempt(NamedTuple):
    """Attempts at a class of their own.

    Attributes:
        points: The attempts, shaped as the images.
        target: The class (N,) that each was to be taken for.
    """

    points: Tensor
    target: Tensor


class AttackAttempt(Protocol):
    """One attempt at each of some images."""

    def __call__(
        self, model: Module, x: Tensor, y: Tensor, *, threat: Threat, rng: Generator
    ) -> Tensor | TargetedAttempt:
        """Return attempts, shaped as `x`; with the classes aimed at if these are to be counted.

        Args:
            model: Images (N, C, H, W) in [0, 1] to logits (N, K); in eval mode and frozen.
            x: Images (N, C, H, W) that are classified correctly.
            y: Their labels (N,).
            threat: The set of allowed perturbations.
            rng: Source of all chance.
        """
        ...
