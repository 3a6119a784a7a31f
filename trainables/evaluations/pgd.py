"""Projected gradient descent on cross-entropy (Madry et al., 2018, arXiv:1706.06083)."""

from functools import partial

from torch import Generator, Tensor
from torch.nn import Module

from trainables.attacks.pgd import Start, start_point, step_length
from trainables.evaluation.attempt import AttackAttempt
from trainables.hparams.ranges import Count, Positive
from trainables.robustness.early_stopped_attack import (
    Loss,
    StopCondition,
    cross_entropy_loss,
    run_early_stopped_attack,
    stop_when_misclassified,
)
from trainables.threat import Threat

NUMBERS = ("steps", "restarts")


def passes(
    *,
    steps: Count = 10,
    restarts: Count = 1,
    step_size: Positive | None = None,
    start: Start = "random",
) -> list[AttackAttempt]:
    """Return one attempt for each restart.

    Args:
        steps: Steps of each attempt.
        restarts: Independent attacks; the strongest counts.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.
        start: First point; see the training attack of this name.
    """
    return [partial(run, steps=steps, step_size=step_size, start=start)] * restarts


def run(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator,
    steps: int,
    step_size: float | None,
    start: Start,
    loss: Loss | None = None,
    stop_condition: StopCondition | None = None,
) -> Tensor:
    """Return for each image (N, C, H, W) the first point that meets `stop_condition`, or the last.

    By default the attack on an image stops once it is misclassified.
    """
    length = step_length(step_size, threat)
    points, _ = run_early_stopped_attack(
        model,
        loss or cross_entropy_loss(y),
        start_point(start, x, threat, length, rng),
        x,
        stop_condition or stop_when_misclassified(y),
        threat=threat,
        steps=steps,
        step_size=length,
    )
    return points
