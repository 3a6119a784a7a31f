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
        signs: Sign of each pixel (N, D).
        radius: Distance (N,) in linf before clipping to [0, 1]; infinite if no boundary is found.
        queries_used: Predictions used (N,).
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
    rng: Generator,  # the search starts at all ones
    queries: int,
    tolerance: float,
) -> Tensor:
    """Return the nearest misclassified point if it is within eps of the image, or else the image.

    Raises:
        ValueError: If the threat is not linf, which the search is made for.
    """
    if not isinstance(threat, Linf):
        raise ValueError(f"rays: needs the threat linf, got {type(threat).__name__}.")
    rays = search_rays(model, x, y, eps=threat.eps, queries=queries, tolerance=tolerance)
    points = points_along(x, rays.signs, rays.radius)
    return torch.where(is_within(points, x, rays.radius, threat.eps).view(-1, 1, 1, 1), points, x)


@torch.no_grad()
def search_rays(
    model: Module, x: Tensor, y: Tensor, *, eps: float, queries: int, tolerance: float
) -> RayState:
    """Return the rays of images (N, C, H, W) when each is within eps or out of queries.

    After the round over single pixels come further such rounds. An image's ray does not depend on
    the other images of the batch.
    """
    ones = torch.ones(len(y), x[0].numel(), device=x.device, dtype=x.dtype)
    rays = RayState(ones, torch.full_like(ones[:, 0], math.inf), torch.zeros_like(y))
    level, block = 0, 0
    rows = torch.arange(len(y), device=y.device)
    while len(rows):
        size = math.ceil(ones.shape[1] / 2**level)
        flip_block(model, x, y, rays, rows, slice(block * size, (block + 1) * size), tolerance)
        level, block = (level, block + 1) if (block + 1) * size < ones.shape[1] else (level + 1, 0)
        points = points_along(x[rows], rays.signs[rows], rays.radius[rows])
        is_far = ~is_within(points, x[rows], rays.radius[rows], eps)
        rows = rows[is_far & (rays.queries_used[rows] < queries)]
    return rays


def is_within(points: Tensor, x: Tensor, radius: Tensor, eps: float) -> Tensor:
    """Return which points (N, ...) of a boundary that is found are within `eps` of `x`, (N,)."""
    return ((points - x).flatten(1).abs().amax(dim=1) <= eps) & radius.isfinite()


def flip_block(
    model: Module,
    x: Tensor,
    y: Tensor,
    rays: RayState,
    rows: Tensor,
    block: slice,
    tolerance: float,
) -> None:
    """Flip the signs of a block for the images `rows` (M,) where it brings the boundary nearer."""
    signs = rays.signs[rows]
    signs[:, block] *= -1
    rays.queries_used[rows] += 1
    wrong = misclassified_mask(model, points_along(x[rows], signs, rays.radius[rows]), y[rows])
    rows, signs = rows[wrong], signs[wrong]
    high = bisect_radius(model, x[rows], y[rows], rays, rows, signs, tolerance)
    is_nearer = high < rays.radius[rows]
    rays.signs[rows[is_nearer]] = signs[is_nearer]
    rays.radius[rows[is_nearer]] = high[is_nearer]


def bisect_radius(
    model: Module,
    x: Tensor,
    y: Tensor,
    rays: RayState,
    rows: Tensor,
    signs: Tensor,
    tolerance: float,
) -> Tensor:
    """Return the radius (M,) of the boundary along signs (M, D) that are known to cross it.

    Args:
        model: The network.
        x: Images (M, C, H, W).
        y: Labels (M,).
        rays: The rays, whose queries are counted.
        rows: Rows (M,) of the images in `rays`.
        signs: Signs of the pixels.
        tolerance: Precision as a Euclidean length. Each image stops when it has reached it.
    """
    high = rays.radius[rows].clamp(max=1)  # at 1, every pixel is black or white
    low = torch.zeros_like(high)
    max_width = tolerance / math.sqrt(signs.shape[1])
    wide = (high > low).nonzero()[:, 0]
    while len(wide):
        middle = (low[wide] + high[wide]) / 2
        rays.queries_used[rows[wide]] += 1
        inside = misclassified_mask(model, points_along(x[wide], signs[wide], middle), y[wide])
        high[wide[inside]], low[wide[~inside]] = middle[inside], middle[~inside]
        wide = wide[high[wide] - low[wide] > max_width]
    return high


def points_along(x: Tensor, signs: Tensor, radius: Tensor) -> Tensor:
    """Return the points at a radius (N,) along signs (N, D) from images (N, C, H, W)."""
    return (x + radius.view(-1, 1, 1, 1) * signs.view(x.shape)).clamp(0, 1)


def misclassified_mask(model: Module, x: Tensor, y: Tensor) -> Tensor:
    """Return which images (N, C, H, W) are not classified as their labels (N,)."""
    wrong: Tensor = model(x).argmax(dim=1) != y
    return wrong
