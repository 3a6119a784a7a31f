"""Perturbations of at most eps in the sum of changes (Croce and Hein, 2021, arXiv:2103.01208)."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from trainables.hparams.ranges import OpenFraction, Positive
from trainables.threat import Threat


@dataclass(frozen=True, kw_only=True)
class L1(Threat):
    """Perturbations whose absolute values sum to `eps` at most, inside [0, 1].

    Attributes:
        density: Share of the pixel values that a step changes.
    """

    density: float = 0.05

    def project(self, x_adv: Tensor, x: Tensor) -> Tensor:
        """Return `x_adv` projected to the ball around `x` and to [0, 1] at once; all (N, ...).

        One after the other would not reach the nearest point: what [0, 1] cuts off is left for
        other pixels.
        """
        delta = x_adv - x
        bound = torch.where(delta > 0, 1 - x, x)
        return (x + shrink_to_sum(delta, bound, self.eps)).clamp_(0, 1)

    def project_to_ball(self, delta: Tensor) -> Tensor:
        """Return the nearest perturbations (N, ...) of the ball; small changes become 0."""
        return shrink_to_sum(delta, delta.abs(), self.eps)

    def norm(self, delta: Tensor) -> Tensor:
        """Return the sum of absolute changes, (N,)."""
        return delta.flatten(1).abs().sum(dim=1)

    def random_point(self, x: Tensor, rng: Generator | None) -> Tensor:
        """Return normal noise around `x`, projected as in Auto-PGD; (N, ...)."""
        noise = torch.randn(x.shape, generator=rng, device=x.device, dtype=x.dtype)
        return self.project(x + noise, x)

    def diameter(self, shape: tuple[int, int, int]) -> float:
        """Return the distance between a black and a white image."""
        return float(math.prod(shape))

    def steepest_step(self, grad: Tensor) -> Tensor:
        """Return steps of length 1 with the sign of `grad` where that is largest, and 0 elsewhere.

        The steepest step changes one pixel value alone. Attacks with it need as many steps as
        pixels, so that published ones change a share of them (arXiv:2103.01208).
        """
        return sparse_step(grad, torch.full_like(grad[:, :1].flatten(1)[:, 0], self.density))


def sparse_step(grad: Tensor, density: Tensor) -> Tensor:
    """Return steps of length 1 with the sign of `grad` at its largest values, and 0 elsewhere.

    Args:
        grad: Gradients (N, ...).
        density: Share of the values of each image that its step changes, (N,); at least one.
    """
    flat = grad.flatten(1).abs()
    last = flat.shape[1] - 1
    rank = ((1 - density) * flat.shape[1]).clamp(0, last).long()
    smallest = flat.sort(dim=1).values.gather(1, rank[:, None])
    signs = grad.flatten(1).sign() * (flat >= smallest)
    return (signs / signs.abs().sum(dim=1, keepdim=True).clamp(min=1)).view_as(grad)


def shrink_to_sum(delta: Tensor, bound: Tensor, eps: float) -> Tensor:
    """Return the nearest perturbations with a bounded sum and bounded entries.

    With a threshold t, they are sign(d) min(max(|d| - t, 0), bound). Their sum falls with t and is
    linear between the values at which an entry becomes 0 or leaves its bound, so that sorting these
    finds the threshold exactly.

    Args:
        delta: Perturbations d, (N, ...).
        bound: Largest absolute value of each entry, shaped as `delta`.
        eps: Largest sum of absolute values.
    """
    size, most = delta.flatten(1).abs().double(), bound.flatten(1).double().clamp(min=0)
    steps, order = torch.cat([size, size - most], dim=1).sort(dim=1, descending=True)
    slopes = torch.where(order < size.shape[1], 1.0, -1.0).double()
    count, total = slopes.cumsum(dim=1), (slopes * steps).cumsum(dim=1)
    # at the threshold steps[k], the sum is total[k] - count[k] * steps[k]
    below = (total - count * steps <= eps).sum(dim=1, keepdim=True) - 1
    active = count.gather(1, below)
    threshold = ((total.gather(1, below) - eps) / active.clamp(min=1)).clamp(min=0)
    # where the sum is at most eps already, nothing is shrunk
    threshold = torch.where(size.minimum(most).sum(dim=1, keepdim=True) <= eps, 0.0, threshold)
    kept = (size - threshold).clamp(min=0).minimum(most).to(delta.dtype)
    return delta.sign() * kept.view_as(delta)


def build(*, eps: Positive, density: OpenFraction = 0.05) -> Threat:
    """Return the threat model.

    Args:
        eps: Radius on the [0, 1] pixel scale, e.g. 12 on CIFAR-10.
        density: Share of the pixel values that a step of an attack changes; 0.05 at the start of
            Auto-PGD in training with several norms (arXiv:2105.12508).
    """
    return L1(eps=eps, density=density)


def conflicts(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a problem if the attack needs the steepest step, or validation a length of steps."""
    if config["exam"].get("step_size") is not None:
        yield "exam.step_size: must be none with threat=l1, which is validated by Auto-PGD."
    if config["attack"].get("name") == "dynamic":
        yield (
            "threat: l1 has no first-order stationary condition by its sparse steps; write "
            "attack=pgd."
        )
