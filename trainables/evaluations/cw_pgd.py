"""PGD on the margin loss of Carlini and Wagner (arXiv:1608.04644), as Bag of Tricks uses it.

Not their minimum-norm attack: papers say CW for the loss alone, the logit of the label minus the
largest other logit, without a bound (arXiv:2010.00467).
"""

from functools import partial

from torch import Generator, Tensor
from torch.nn import Module

from trainables.attacks.pgd import Start
from trainables.evaluation.attempt import AttackAttempt
from trainables.evaluations import pgd
from trainables.hparams.ranges import Count, Positive
from trainables.robustness.early_stopped_attack import Loss
from trainables.threat import Threat

NUMBERS = pgd.NUMBERS


def passes(
    *,
    steps: Count = 20,
    restarts: Count = 1,
    step_size: Positive | None = None,
    start: Start = "random",
) -> list[AttackAttempt]:
    """Return one attempt for each restart.

    Args:
        steps: Steps of each attempt.
        restarts: Independent attacks; the strongest counts.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.
        start: First point; see the training attack pgd.
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
) -> Tensor:
    """Return the first misclassified point of each image (N, C, H, W), or the last point."""
    return pgd.run(
        model,
        x,
        y,
        threat=threat,
        rng=rng,
        steps=steps,
        step_size=step_size,
        start=start,
        loss=margin_loss(y),
    )


def margin_loss(y: Tensor) -> Loss:
    """Return by how much another logit exceeds that of the label (N,)."""

    def loss(logits: Tensor, rows: Tensor) -> Tensor:
        label = y[rows, None]
        others = logits.scatter(1, label, -float("inf")).amax(dim=1)
        return others - logits.gather(1, label)[:, 0]

    return loss
