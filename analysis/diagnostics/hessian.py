"""Curvature of the adversarial loss (Liu et al., 2020, arXiv:2006.08403)."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from scipy.sparse.linalg import eigsh
from torch import Generator, Tensor, nn
from torch.nn import Module

from analysis.diagnostics._attack import run_pgd
from analysis.diagnostics._weights import (
    Direction,
    enable_weight_gradients,
    split_vector,
    trainable_weights,
)
from trainables.hparams.ranges import Count, OpenFraction, Positive
from trainables.threat import Threat


@contextmanager
def ignore_deprecations() -> Iterator[None]:
    """Suppress deprecation warnings of torch and of libraries inside the context."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*torch.jit.script.* is deprecated", FutureWarning)
        yield


with ignore_deprecations():
    from curvlinops import HessianLinearOperator

TOLERANCE = 1e-3
"""Relative, of eigenvalues; that of the published power iteration."""


def measure(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    batch: int,
    rng: Generator | None = None,
    eigenvalues: Count = 2,
    steps: Count = 10,
    step_size: Positive | None = None,
    tolerance: OpenFraction = TOLERANCE,
) -> dict[str, Tensor]:
    """Return the largest eigenvalues of the Hessian, by the weights, of the adversarial loss.

    The loss is the mean cross-entropy at adversarial examples that are made once and then stay.
    Eigenvalues are ordered with their sign; the published power iteration finds the largest
    in magnitude.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        x: Images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        threat: The set of allowed perturbations.
        batch: Images per batch.
        rng: Source of PGD's random start and of the iteration's.
        eigenvalues: Number of eigenvalues, less than the number of weights.
        steps: Gradient evaluations of PGD.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.
        tolerance: Relative tolerance of the eigenvalues.

    Returns:
        `eigenvalue_1` and so on, the largest first, in nats a squared unit of weights.
    """
    x_adv = run_pgd(
        model, x, y, threat=threat, rng=rng, steps=steps, step_size=step_size, batch=batch
    )
    found, _ = compute_top_eigenpairs(
        model, x_adv, y, count=eigenvalues, batch=batch, rng=rng, tolerance=tolerance
    )
    return {f"eigenvalue_{rank}": value for rank, value in enumerate(found, start=1)}


def compute_top_eigenpairs(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    count: int,
    batch: int,
    rng: Generator | None = None,
    tolerance: float = TOLERANCE,
) -> tuple[Tensor, list[Direction]]:
    """Return the largest eigenvalues (count,) of the Hessian of the loss at `x`, and their vectors.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        x: Images (N, C, H, W), as they are.
        y: Labels (N,).
        count: Number of eigenvalues, less than the number of weights.
        batch: Images per batch.
        rng: Source of the start of the iteration.
        tolerance: Relative tolerance of the eigenvalues.
    """
    mine = trainable_weights(model)
    data = list(zip(x.split(batch), y.split(batch), strict=True))
    number = sum(p.numel() for p in mine)
    start = torch.randn(number, generator=rng, device=x.device, dtype=mine[0].dtype).cpu().numpy()
    with enable_weight_gradients(model), ignore_deprecations():
        operator = HessianLinearOperator(
            model, nn.CrossEntropyLoss(), mine, data, check_deterministic=False
        )
        values, vectors = eigsh(
            operator.to_scipy(dtype=start.dtype), k=count, which="LA", v0=start, tol=tolerance
        )
    order = values.argsort()[::-1].copy()
    columns = torch.from_numpy(vectors[:, order].T.copy())
    return torch.from_numpy(values[order]), [split_vector(column, model) for column in columns]
