"""Perturbations of at most eps per pixel (Goodfellow et al., 2015, arXiv:1412.6572)."""

from typing import Annotated

import torch
from pydantic import Field
from torch import Generator, Tensor

from trainables.threat import Threat

Radius = Annotated[float, Field(gt=0, le=1)]


class Linf(Threat):
    """Perturbations that move no pixel by more than `eps` and stay inside [0, 1]."""

    def project_to_ball(self, delta: Tensor) -> Tensor:
        """Return perturbations (N, ...) clipped to [-eps, eps]."""
        return delta.clamp(-self.eps, self.eps)

    def norm(self, delta: Tensor) -> Tensor:
        """Return the largest change of a pixel, (N,)."""
        return delta.flatten(1).abs().amax(dim=1)

    def random_point(self, x: Tensor, rng: Generator | None) -> Tensor:
        """Return a uniform draw within `eps` of `x`, which may leave [0, 1]; (N, ...)."""
        unit = torch.rand(x.shape, generator=rng, device=x.device, dtype=x.dtype)
        return x + self.eps * (2 * unit - 1)

    def diameter(self, shape: tuple[int, int, int]) -> float:
        """Return the distance between a black and a white pixel."""
        return 1.0

    def steepest_step(self, grad: Tensor) -> Tensor:
        """Return the sign of `grad`."""
        return grad.sign()


def build(*, eps: Radius) -> Threat:
    """Return the threat model.

    Args:
        eps: Radius on the [0, 1] pixel scale, e.g. 8/255.
    """
    return Linf(eps=eps)
