"""The threat model: which perturbations count as adversarial.

One object, shared by training and examination, and never searched: it is the question that a study
asks. Each norm is a file of `threats/`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace

from torch import Generator, Tensor


@dataclass(frozen=True, kw_only=True)
class Threat(ABC):
    """A ball around each image, cut off at the ends of the pixel range [0, 1].

    Attributes:
        eps: Radius, in units of the [0, 1] pixel range (8/255 is about 0.031).
        step_scale: What step sizes are multiplied by; below 1 while eps is scheduled and steps follow.
    """

    eps: float
    step_scale: float = 1.0

    def project(self, x_adv: Tensor, x: Tensor) -> Tensor:
        """Return an allowed point near `x_adv` around `x`; all (N, ...).

        First into the ball, then into [0, 1]: moving a pixel there, where `x` is, only shortens
        the perturbation.
        """
        return (x + self.project_to_ball(x_adv - x)).clamp_(0, 1)

    @abstractmethod
    def project_to_ball(self, delta: Tensor) -> Tensor:
        """Return the perturbations (N, ...) pulled back to the ball, whatever the pixel range."""

    @abstractmethod
    def norm(self, delta: Tensor) -> Tensor:
        """Return how large perturbations (N, ...) are, in the units of eps; (N,)."""

    @abstractmethod
    def random_point(self, x: Tensor, rng: Generator | None) -> Tensor:
        """Return a random point within `eps` of `x`, which may leave [0, 1]; (N, ...)."""

    @abstractmethod
    def diameter(self, shape: tuple[int, int, int]) -> float:
        """Return the largest distance between two images of a shape (C, H, W)."""

    @abstractmethod
    def steepest_step(self, grad: Tensor) -> Tensor:
        """Return the unit step along which a loss with gradient `grad` grows fastest."""


def shrink_eps(threat: Threat, share: float, *, steps_follow: bool = False) -> Threat:
    """Return the ball with `share` of the radius.

    Args:
        threat: The full ball.
        share: What eps is multiplied by, in [0, 1].
        steps_follow: Whether the attack's steps shrink with eps (as in periodic adversarial
            scheduling, arXiv:2006.08403) or keep their length (Bag of Tricks, arXiv:2010.00467).
    """
    return replace(threat, eps=threat.eps * share, step_scale=share if steps_follow else 1.0)
