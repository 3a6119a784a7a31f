"""RayS: search for the sign vector with the nearest boundary, from predicted classes only.

Chen and Gu, 2020, arXiv:2006.12792. Signs are flipped block by block, halves first, then quarters
and so on; a flip is kept if it makes the boundary nearer.
"""

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.evaluation.attempt import AttackAttempt
from trainables.hparams.ranges import Count, Positive
from trainables.threat import Threat
from trainables.threats.linf import Linf

NUMBERS = ("queries",)
BLACK_BOX = True


def passes(*, queries: Count = 10_000, tolerance: Positive = 1e-3) -> list[AttackAttempt]:
    """Return the only attempt.

    Args:
        queries: Predictions of the network that the attack may use for each image; the leaderboard
            of the paper allows 40,000.
        tolerance: Precision of a distance, as a Euclidean length.
    """
    return [partial(run, queries=queries, tolerance=tolerance)]


@dataclass
class RayState:
    """Directions and the distance of the boundary along each.

    Attributes:
        signs: Sign of each pixel (M, D).
        radius: Distance (M,) in linf; 1 if no boundary has been found.
        queries_used: Predictions used (M,).
    """

    signs: Tensor
    radius: Tensor
    queries_used: Tensor


@torch.no_grad()
def run(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator,  # noqa: ARG001  # the search starts at all ones
    queries: int,
    tolerance: float,
) -> Tensor:
    """Return the nearest misclassified point if it is within eps of the image, or else the image.

    Raises:
        ValueError: If the threat is not linf, which the search is made for.
    """
    if not isinstance(threat, Linf):
        raise ValueError(f"rays: needs the threat linf, got {type(threat).__name__}.")
    points, active = x.clone(), torch.arange(len(y), device=y.device)
    ones = torch.ones(len(y), x[0].numel(), device=x.device)
    rays = RayState(ones, torch.ones_like(ones[:, 0]), torch.zeros_like(y))
    flip_block(model, x, y, rays, slice(0, 0), tolerance)
    level, block = 0, 0
    while len(active):
        size = math.ceil(ones.shape[1] / 2**level)
        flip_block(
            model, x[active], y[active], rays, slice(block * size, (block + 1) * size), tolerance
        )
        level, block = (level, block + 1) if (block + 1) * size < ones.shape[1] else (level + 1, 0)
        reached = rays.radius <= threat.eps
        rows = active[reached]
        points[rows] = points_along(x[rows], rays.signs[reached], rays.radius[reached])
        unfinished = ~reached & (rays.queries_used < queries)
        active = active[unfinished]
        rays = RayState(
            rays.signs[unfinished], rays.radius[unfinished], rays.queries_used[unfinished]
        )
        if 2**level > 2 * ones.shape[1]:
            break  # every pixel has been a block
    return points


def flip_block(
    model: Module, x: Tensor, y: Tensor, rays: RayState, block: slice, tolerance: float
) -> None:
    """Flip the signs of a block where that brings the boundary nearer."""
    signs = rays.signs.clone()
    signs[:, block] *= -1
    nearer = misclassified_mask(model, points_along(x, signs, rays.radius), y)
    rays.queries_used += 1
    rows = nearer.nonzero()[:, 0]
    rays.signs[rows] = signs[rows]
    low, high = torch.zeros_like(rays.radius[rows]), rays.radius[rows]
    max_width = tolerance / math.sqrt(signs.shape[1])
    while len(rows) and float((high - low).max()) > max_width:
        middle = (low + high) / 2
        inside = misclassified_mask(model, points_along(x[rows], signs[rows], middle), y[rows])
        high, low = torch.where(inside, middle, high), torch.where(inside, low, middle)
        rays.queries_used[rows] += 1
    rays.radius[rows] = high


def points_along(x: Tensor, signs: Tensor, radius: Tensor) -> Tensor:
    """Return the points at a radius (N,) along signs (N, D) from images (N, C, H, W)."""
    return (x + radius.view(-1, 1, 1, 1) * signs.view(x.shape)).clamp(0, 1)


def misclassified_mask(model: Module, x: Tensor, y: Tensor) -> Tensor:
    """Return which images (N, C, H, W) are not classified as their labels (N,)."""
    wrong: Tensor = model(x).argmax(dim=1) != y
    return wrong
