"""The loss around the weights, in two planes (Li et al., 2018, arXiv:1712.09913)."""

from collections.abc import Callable
from itertools import product
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import AfterValidator, Field
from torch import Generator, Tensor
from torch.nn import Module

from analysis.diagnostics._attack import frozen_eval, run_pgd
from analysis.diagnostics._weights import draw_filter_normalised, move_weights
from analysis.diagnostics.hessian import compute_top_eigenpairs
from trainables.hparams.ranges import Count, Positive
from trainables.threat import Threat

PICTURE = True
"""It leaves one, which has no mean over seeds."""


def valid_odd(number: int) -> int:
    """Return `number`.

    Raises:
        ValueError: If it is even.
    """
    if number % 2 == 0:
        raise ValueError("must be odd, so that the weights themselves are a point")
    return number


Points = Annotated[int, Field(ge=3, le=501), AfterValidator(valid_odd)]


def measure(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    batch: int,
    report_progress: Callable[[int, int], None],
    rng: Generator | None = None,
    points: Points = 21,
    reach: Positive = 1.0,
    craft: Literal["once", "anew"] = "once",
    steps: Count = 10,
    step_size: Positive | None = None,
) -> dict[str, Tensor]:
    """Return the adversarial loss over two planes through the weights.

    One is spanned by the top two eigenvectors of its Hessian, of unit length, as by Liu et al.
    (arXiv:2006.08403), the other by two random directions whose filters are as long as the
    network's own.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        x: Images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        threat: The set of allowed perturbations.
        batch: Images per batch.
        report_progress: Called with the number of finished points and their total.
        rng: Source of the directions and of PGD's random start.
        points: Number of points on each axis; odd.
        reach: Half the length of an axis, as a multiple of its direction vector.
        craft: Adversarial examples are made "once", for the weights themselves, or "anew" at each
            point, which takes `steps` times as long.
        steps: Gradient evaluations of PGD.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.

    Returns:
        `loss` at the weights; `eigenvector_rise` and `random_rise`, its largest increase in each
        plane; `eigenvector_plane` and `random_plane`, (3, points, points): the two coordinates and
        the loss. All losses in nats.
    """
    state = rng.clone_state() if rng else None

    def attacked() -> Tensor:
        start = state.clone_state() if state else None  # the same at every point
        return run_pgd(
            model, x, y, threat=threat, rng=start, steps=steps, step_size=step_size, batch=batch
        )

    fixed = attacked()
    _, eigenvectors = compute_top_eigenpairs(model, fixed, y, count=2, batch=batch, rng=rng)
    spans = {
        "eigenvector": eigenvectors,
        "random": [draw_filter_normalised(model, rng) for _ in range(2)],
    }
    axis = torch.linspace(-reach, reach, points, dtype=torch.float64)
    axis[points // 2] = 0  # exactly
    planes: dict[str, Tensor] = {}
    for number, (name, (first, second)) in enumerate(spans.items()):
        losses: list[float] = []
        for a, b in product(axis.tolist(), repeat=2):
            with move_weights(model, (a, first), (b, second)):
                losses.append(
                    compute_mean_loss(model, attacked() if craft == "anew" else fixed, y, batch)
                )
            report_progress(number * points**2 + len(losses), len(spans) * points**2)
        grid = torch.meshgrid(axis, axis, indexing="ij")
        planes[name] = torch.stack([
            *grid,
            torch.tensor(losses, dtype=axis.dtype).view(points, points),
        ])
    middle = planes["random"][2, points // 2, points // 2]
    rises = {f"{name}_rise": plane[2].max() - middle for name, plane in planes.items()}
    return {"loss": middle, **rises, **{f"{name}_plane": each for name, each in planes.items()}}


def compute_mean_loss(model: Module, x: Tensor, y: Tensor, batch: int) -> float:
    """Return the mean cross-entropy on images (N, C, H, W) as they are, in nats."""
    with frozen_eval(model) as seen, torch.no_grad():
        sums = [
            F.cross_entropy(seen(some), labels, reduction="sum").double()
            for some, labels in zip(x.split(batch), y.split(batch), strict=True)
        ]
    return float(torch.stack(sums).sum()) / len(y)
