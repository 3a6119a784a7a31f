"""Successive halving (Karnin et al., 2013), which waits until a rung is known."""

from typing import Annotated, Literal

from pydantic import Field

from trainables.hparams.ranges import FractionBelowOne, OpenFraction
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Scheduler
from tuner.schedulers.core.successive_halving import SuccessiveHalving

FIDELITY = "schedule"
"""Unless the command says otherwise: a short whole run says more of a long one than its beginning.

With 20 settings on the embedded digits, whole runs of 4 epochs have a rank correlation of 0.9 with
those of 16, whose own fourth epoch has 0.3 (benchmarks/fidelity).
"""
RungShare = OpenFraction | Literal["drop"]
KeptFraction = Annotated[float, Field(gt=0, le=1)]


def build(
    *,
    course: FidelityPlan,
    rungs: tuple[RungShare, ...] = (0.25,),
    keep: tuple[KeptFraction, ...] = (0.25,),
    settle: FractionBelowOne = 0.04,
) -> Scheduler:
    """Return a rule by which the best of each rung go on.

    Args:
        course: How far trials may go.
        rungs: Shares of the run, rising. With fidelity=epochs "drop" is when the learning rate
            drops for the first time, just after which robust accuracy peaks (arXiv:2002.11569).
        keep: Share of the trials that goes on from each rung; the last one for all that follow.
        settle: Share of the run between a drop and its rung.
    """
    return SuccessiveHalving(course.schedule_rungs(rungs, settle), keep, course.trials)
