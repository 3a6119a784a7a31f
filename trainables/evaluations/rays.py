"""RayS: search for the sign vector with the nearest boundary, by decisions alone.

Chen and Gu, 2020, arXiv:2006.12792. Signs are flipped block by block, halves first, then quarters
and so on; a flip is kept if the boundary is nearer that way.
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
    """Return the one pass.

    Args:
        queries: Decisions of the network that the attack may see of each image; the leaderboard
            of the paper allows 40,000.
        tolerance: To what a distance is known, as a Euclidean length.
    """
    return [partial(run, queries=queries, tolerance=tolerance)]


@dataclass
class RayState:
    """Directions and how far the boundary is along each.

    Attributes:
        signs: (M, D).
        radius: (M,), in linf; 1 where none has been found.
        queries_used: Decisions seen, (M,).
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
    """Return the nearest wrong point if it is within eps of the image, or else the image.

    Raises:
        ValueError: If the threat is not linf, of which the search is made.
    """
    if not isinstance(threat, Linf):
        raise ValueError(f"rays: is an attack on linf, got {type(threat).__name__}.")
    ends, left = x.clone(), torch.arange(len(y), device=y.device)
    ones = torch.ones(len(y), x[0].numel(), device=x.device)
    rays = RayState(ones, torch.ones_like(ones[:, 0]), torch.zeros_like(y))
    flip_block(model, x, y, rays, slice(0, 0), tolerance)
    level, block = 0, 0
    while len(left):
        size = math.ceil(ones.shape[1] / 2**level)
        flip_block(
            model, x[left], y[left], rays, slice(block * size, (block + 1) * size), tolerance
        )
        level, block = (level, block + 1) if (block + 1) * size < ones.shape[1] else (level + 1, 0)
        reached = rays.radius <= threat.eps
        found = left[reached]
        ends[found] = points_along(x[found], rays.signs[reached], rays.radius[reached])
        goes_on = ~reached & (rays.queries_used < queries)
        left = left[goes_on]
        rays = RayState(rays.signs[goes_on], rays.radius[goes_on], rays.queries_used[goes_on])
        if 2**level > 2 * ones.shape[1]:
            break  # every pixel has had its turn
    return ends


def flip_block(
    model: Module, x: Tensor, y: Tensor, rays: RayState, block: slice, tolerance: float
) -> None:
    """Turn the signs of a block around wherever that brings the boundary nearer."""
    signs = rays.signs.clone()
    signs[:, block] *= -1
    nearer = misclassified_mask(model, points_along(x, signs, rays.radius), y)
    rays.queries_used += 1
    rows = nearer.nonzero()[:, 0]
    rays.signs[rows] = signs[rows]
    low, high = torch.zeros_like(rays.radius[rows]), rays.radius[rows]
    narrow = tolerance / math.sqrt(signs.shape[1])
    while len(rows) and float((high - low).max()) > narrow:
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
    mistaken: Tensor = model(x).argmax(dim=1) != y
    return mistaken
