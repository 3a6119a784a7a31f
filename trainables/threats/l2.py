"""Perturbations of at most eps in the Euclidean norm (Madry et al., arXiv:1706.06083)."""

import math

import torch
from torch import Generator, Tensor

from trainables.hparams.ranges import Positive
from trainables.threat import Threat

TINY = 1e-10  # keeps a zero gradient zero; the constant of the reference code


class L2(Threat):
    """Perturbations of Euclidean length `eps` at most that stay inside [0, 1]."""

    def project_to_ball(self, delta: Tensor) -> Tensor:
        """Return perturbations (N, ...) scaled to length `eps` where they are longer."""
        return (self.eps / (l2_norms(delta) + TINY)).clamp(max=1) * delta

    def norm(self, delta: Tensor) -> Tensor:
        """Return the Euclidean length, (N,)."""
        norms: Tensor = delta.flatten(1).norm(dim=1)
        return norms

    def random_point(self, x: Tensor, rng: Generator | None) -> Tensor:
        """Return a point in a uniform direction at a uniform distance up to `eps`; (N, ...)."""
        direction = torch.randn(x.shape, generator=rng, device=x.device, dtype=x.dtype)
        shape = (len(x), *[1] * (x.dim() - 1))
        share = torch.rand(shape, generator=rng, device=x.device, dtype=x.dtype)
        return x + self.eps * share * self.steepest_step(direction)

    def diameter(self, shape: tuple[int, int, int]) -> float:
        """Return the distance between a black and a white image."""
        return math.sqrt(math.prod(shape))

    def steepest_step(self, grad: Tensor) -> Tensor:
        """Return `grad` scaled to unit length, example by example."""
        return grad / (l2_norms(grad) + TINY)


def l2_norms(batch: Tensor) -> Tensor:
    """Return the Euclidean length of each example (N, ...), shaped to broadcast: (N, 1, ...)."""
    norms: Tensor = batch.flatten(1).norm(dim=1).view(-1, *[1] * (batch.dim() - 1))
    return norms


def build(*, eps: Positive) -> Threat:
    """Return the threat model.

    Args:
        eps: Radius on the [0, 1] pixel scale, e.g. 128/255.
    """
    return L2(eps=eps)
