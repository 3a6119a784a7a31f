"""Successive halving (Karnin et al., 2013), which waits until a rung is known."""

from typing import Annotated, Literal

from pydantic import Field

from trainables.ranges import Inside, Share
from tuner.halving import Halving
from tuner.ladder import Course
from tuner.rule import Rule

FIDELITY = "schedule"
"""Unless the command says otherwise: a short whole run says more of a long one than its beginning.

With 20 settings on the embedded digits, whole runs of 4 epochs have a rank correlation of 0.9 with
those of 16, whose own fourth epoch has 0.3 (benchmarks/fidelity).
"""
Moment = Inside | Literal["drop"]
Kept = Annotated[float, Field(gt=0, le=1)]


def build(
    *,
    course: Course,
    rungs: tuple[Moment, ...] = (0.25,),
    keep: tuple[Kept, ...] = (0.25,),
    settle: Share = 0.04,
) -> Rule:
    """Return a rule by which the best of each rung go on.

    Args:
        course: How far trials may go.
        rungs: Shares of the run, rising. With fidelity=epochs "drop" is when the learning rate
            drops for the first time, just after which robust accuracy peaks (arXiv:2002.11569).
        keep: Share of the trials that goes on from each rung; the last one for all that follow.
        settle: Share of the run between a drop and its rung.
    """
    return Halving(course.ladder(rungs, settle), keep, course.trials)
