"""CropShift and random erasing, as in IDBH (Li and Spratling, 2023, arXiv:2301.09879)."""

import math

import torch
from torch import Generator, Tensor

ATTEMPTS = 10
"""Draws of a rectangle to erase before an image stays as it is, as in torchvision."""
SMALLEST_AREA = 0.02
"""Smallest area of a rectangle, as a share of the image."""
ASPECT_RATIOS = (0.3, 3.3)
"""Range of the height of a rectangle over its width."""


def crop_shift(x: Tensor, rng: Generator, largest: int) -> Tensor:
    """Return images whose border is removed, and whose rest is at a random place on black.

    The number of removed pixels is drawn up to `largest` and dealt to rows and columns.

    Args:
        x: Images (N, C, H, W).
        rng: Generator of the draws, on the device of `x`.
        largest: Largest number of removed rows and columns together.
    """
    total = draw_up_to(x.new_full((len(x),), largest), rng)
    columns = draw_up_to(total, rng)
    moved = x
    for dim, removed in ((3, columns), (2, total - columns)):
        first, position = draw_up_to(removed, rng), draw_up_to(removed, rng)
        moved = move_window(moved, dim, first.long(), position.long(), removed.long())
    return moved


def draw_up_to(largest: Tensor, rng: Generator) -> Tensor:
    """Return whole numbers (N,) from 0 to `largest` (N,), all with the same probability."""
    unit = torch.rand(len(largest), generator=rng, device=largest.device)
    return (unit * (largest + 1)).floor().minimum(largest)


def move_window(x: Tensor, dim: int, first: Tensor, position: Tensor, removed: Tensor) -> Tensor:
    """Return images of which a part is kept and moved in one dimension; black elsewhere.

    Args:
        x: Images (N, C, H, W).
        dim: The dimension, 2 or 3.
        first: First row that is kept (N,).
        position: Where it goes (N,).
        removed: Number of rows that are removed (N,).
    """
    length = x.shape[dim]
    kept = torch.arange(length, device=x.device) - position[:, None]
    inside = (kept >= 0) & (kept < length - removed[:, None])
    shape = [len(x), 1, 1, 1]
    shape[dim] = length
    index = (kept + first[:, None]).clamp(0, length - 1).view(shape).expand(x.shape)
    return x.gather(dim, index) * inside.view(shape)


def erase_rectangles(x: Tensor, rng: Generator, *, probability: float, largest: float) -> Tensor:
    """Return images with a black rectangle at a random place (Zhong et al., arXiv:1708.04896).

    Args:
        x: Images (N, C, H, W).
        rng: Generator of the draws, on the device of `x`.
        probability: Probability of a rectangle in an image.
        largest: Largest area of a rectangle, as a share of the image.
    """
    n, _, height, width = x.shape
    area, ratio, row, column = torch.rand(4, n, ATTEMPTS, generator=rng, device=x.device)
    area = height * width * (SMALLEST_AREA + (largest - SMALLEST_AREA) * area)
    low, high = map(math.log, ASPECT_RATIOS)
    ratio = (low + (high - low) * ratio).exp()
    heights, widths = (area * ratio).sqrt().round(), (area / ratio).sqrt().round()
    fits = (heights < height) & (widths < width)
    chosen = fits.int().argmax(dim=1, keepdim=True)  # the first that fits
    wanted = torch.rand(n, generator=rng, device=x.device) < probability
    inside = []
    for sizes, draws, length in ((heights, row, height), (widths, column, width)):
        size = sizes.gather(1, chosen)
        start = (draws.gather(1, chosen) * (length - size + 1)).floor()
        position = torch.arange(length, device=x.device)
        inside.append((position >= start) & (position < start + size))
    mask = inside[0][:, :, None] & inside[1][:, None, :]
    mask &= (wanted & fits.any(dim=1))[:, None, None]
    return x.masked_fill(mask[:, None], 0.0)
