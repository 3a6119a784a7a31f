"""PGD towards every other class in turn (Gowal et al., 2019, arXiv:1910.09338)."""

from functools import partial

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.evaluation.attempt import AttackAttempt
from trainables.evaluations import pgd
from trainables.hparams.ranges import Count, Positive
from trainables.robustness.early_stopped_attack import Loss
from trainables.threat import Threat

NUMBERS = pgd.NUMBERS


def passes(
    *, classes: int, steps: Count = 20, restarts: Count = 1, step_size: Positive | None = None
) -> list[AttackAttempt]:
    """Return one attempt for each wrong class and restart.

    Args:
        classes: Number of classes K.
        steps: Steps of each attempt.
        restarts: Independent attacks towards each target; the strongest counts.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.
    """
    return [
        partial(run, rank=rank, steps=steps, step_size=step_size)
        for _ in range(restarts)
        for rank in range(classes - 1)
    ]


def run(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator,
    rank: int,
    steps: int,
    step_size: float | None,
) -> Tensor:
    """Return attempts towards the wrong class with the `rank`-th largest logit, from 0."""
    return pgd.run(
        model,
        x,
        y,
        threat=threat,
        rng=rng,
        steps=steps,
        step_size=step_size,
        start="random",
        loss=targeted_margin_loss(ranked_class(model, x, y, rank), y),
    )


@torch.no_grad()
def ranked_class(model: Module, x: Tensor, y: Tensor, rank: int) -> Tensor:
    """Return the wrong class (N,) whose logit is the `rank`-th largest, from 0."""
    wrong = model(x).scatter(1, y[:, None], -float("inf"))
    target: Tensor = wrong.argsort(dim=1, descending=True)[:, rank]
    return target


def targeted_margin_loss(target: Tensor, y: Tensor) -> Loss:
    """Return by how much the logit of a target (N,) exceeds that of the label (N,)."""

    def loss(logits: Tensor, rows: Tensor) -> Tensor:
        index = torch.arange(len(rows), device=rows.device)
        return logits[index, target[rows]] - logits[index, y[rows]]

    return loss
