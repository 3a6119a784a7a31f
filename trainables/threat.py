"""The threat model: which perturbations count as adversarial.

Training and validation share one threat model. It is never searched, because it defines the problem
that a study solves. Each norm is a file of `threats/`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Literal

from torch import Generator, Tensor

FORMER_VALUES = {"every": "step"}
"""What the code did before it had these knobs."""


@dataclass(frozen=True, kw_only=True)
class Threat(ABC):
    """A ball around each image, clipped to the pixel range [0, 1].

    Attributes:
        eps: Radius, in units of the [0, 1] pixel range (8/255 is about 0.031).
        step_scale: Factor of the attack's step sizes; below 1 while an eps schedule shrinks them.
    """

    eps: float
    step_scale: float = 1.0

    def project(self, x_adv: Tensor, x: Tensor) -> Tensor:
        """Return `x_adv` projected to the ball around `x` and to [0, 1]; all (N, ...).

        The ball comes first: `x` is in [0, 1], so clipping only shortens the perturbation.
        """
        return (x + self.project_to_ball(x_adv - x)).clamp_(0, 1)

    @abstractmethod
    def project_to_ball(self, delta: Tensor) -> Tensor:
        """Return the perturbations (N, ...) projected to the ball, ignoring the pixel range."""

    @abstractmethod
    def norm(self, delta: Tensor) -> Tensor:
        """Return the norms (N,) of perturbations (N, ...), in the units of eps."""

    @abstractmethod
    def random_point(self, x: Tensor, rng: Generator | None) -> Tensor:
        """Return random points (N, ...) within `eps` of `x`, which may lie outside [0, 1]."""

    @abstractmethod
    def diameter(self, shape: tuple[int, int, int]) -> float:
        """Return the largest distance between two images of shape (C, H, W)."""

    @abstractmethod
    def steepest_step(self, grad: Tensor) -> Tensor:
        """Return the unit steps (N, ...) of steepest ascent for gradients `grad` (N, ...)."""


def shrink_eps(threat: Threat, share: float, *, steps_follow: bool = False) -> Threat:
    """Return the threat model with `share` of the radius.

    Args:
        threat: The threat model at full radius.
        share: Factor of eps, in [0, 1].
        steps_follow: Whether the attack's steps shrink with eps (as in periodic adversarial
            scheduling, arXiv:2006.08403) or keep their length (Bag of Tricks, arXiv:2010.00467).
    """
    return replace(threat, eps=threat.eps * share, step_scale=share if steps_follow else 1.0)


def schedule_progress(
    progress: float, epoch_start: float, *, every: Literal["step", "epoch"] = "step"
) -> float:
    """Return the share of the run at which the schedule of eps is read, in [0, 1].

    Args:
        progress: Completed share of the run.
        epoch_start: Share that was completed when the current epoch began.
        every: When eps changes: "step" is at every update, "epoch" at the start of every epoch, as
            by default in the code of periodic adversarial scheduling (arXiv:2006.08403).
    """
    return progress if every == "step" else epoch_start
