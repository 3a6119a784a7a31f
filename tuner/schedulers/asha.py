"""Asynchronous successive halving (Li et al., 2020, arXiv:1810.05934)."""

from typing import Annotated

from pydantic import Field
from ray.tune.schedulers import ASHAScheduler, TrialScheduler

from trainables.ranges import Count, Fraction
from tuner.metric import METRIC, MODE

Factor = Annotated[float, Field(gt=1)]


def build(
    *, epochs: int, grace: Fraction = 0.5, reduction_factor: Factor = 3, brackets: Count = 1
) -> TrialScheduler:
    """Return a scheduler that, at each rung, lets the best of those so far go on.

    Args:
        epochs: Epochs of a whole trial.
        grace: Share of the epochs before the first rung. Early ranks say little: with the embedded
            digits the rank correlation with the end is 0.53 at a quarter of the run, 0.92 at half.
        reduction_factor: One in this many goes on; each rung lies this many times later.
        brackets: Number of brackets; a trial of a later one starts with a later first rung.
    """
    return ASHAScheduler(
        time_attr="epoch",
        metric=METRIC,
        mode=MODE,
        max_t=max(epochs, 1),
        grace_period=min(epochs, max(1, round(grace * epochs))),
        reduction_factor=reduction_factor,
        brackets=brackets,
    )
