"""PGD towards a random wrong class (as in GradAlign, arXiv:2007.02617).

Not checked against the authors' code, which has no targeted attack. The evaluation counts the
images classified as their target besides those that are misclassified.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torch.nn import Module

from trainables.evaluation.attempt import AttackAttempt, TargetedAttempt
from trainables.evaluations import pgd
from trainables.hparams.ranges import Count, Positive
from trainables.robustness.early_stopped_attack import Loss, stop_when_classified_as
from trainables.threat import Threat

NUMBERS = pgd.NUMBERS


def passes(
    *, steps: Count = 20, restarts: Count = 1, step_size: Positive | None = None
) -> list[AttackAttempt]:
    """Return one attempt for each restart, each with new targets.

    Args:
        steps: Steps of each attempt.
        restarts: Independent attacks; the strongest counts.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.
    """
    return [partial(run, steps=steps, step_size=step_size)] * restarts


def run(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator,
    steps: int,
    step_size: float | None,
) -> TargetedAttempt:
    """Return attempts towards a uniformly drawn wrong class; each stops once it reaches it."""
    with torch.no_grad():
        classes = model(x[:1]).shape[1]
    offset = torch.randint(1, classes, y.shape, generator=rng, device=y.device)
    target = (y + offset) % classes
    points = pgd.run(
        model,
        x,
        y,
        threat=threat,
        rng=rng,
        steps=steps,
        step_size=step_size,
        start="random",
        loss=target_log_likelihood(target),
        stop_condition=stop_when_classified_as(target),
    )
    return TargetedAttempt(points, target)


def target_log_likelihood(target: Tensor) -> Loss:
    """Return the log-probability of a target (N,)."""
    return lambda logits, rows: -F.cross_entropy(logits, target[rows], reduction="none")
