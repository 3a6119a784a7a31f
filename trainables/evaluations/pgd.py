"""Projected gradient descent on cross-entropy (Madry et al., 2018, arXiv:1706.06083)."""

from functools import partial

from torch import Generator, Tensor
from torch.nn import Module

from trainables.attacks.pgd import Start, beginning, stride
from trainables.climb import Goal, Loss, climb, cross_entropy, misclassified
from trainables.passes import Pass
from trainables.ranges import Count, Positive
from trainables.threat import Threat

NUMBERS = ("steps", "restarts")


def passes(
    *,
    steps: Count = 10,
    restarts: Count = 1,
    step_size: Positive | None = None,
    start: Start = "random",
) -> list[Pass]:
    """Return one pass a restart.

    Args:
        steps: Steps of each.
        restarts: Independent attacks; the worst counts.
        step_size: Length of one step, in the units of eps; a quarter of eps if none.
        start: Where to start; see the training attack of this name.
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
    goal: Goal | None = None,
) -> Tensor:
    """Return where each of the images (N, C, H, W) reached its goal, or the attack ended.

    The goal is to be misclassified unless another is given.
    """
    length = stride(step_size, threat)
    ends, _ = climb(
        model,
        loss or cross_entropy(y),
        beginning(start, x, threat, length, rng),
        x,
        goal or misclassified(y),
        threat=threat,
        steps=steps,
        step_size=length,
    )
    return ends
