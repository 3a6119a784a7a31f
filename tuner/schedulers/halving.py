"""Successive halving (Karnin et al., 2013): trials pause at a rung until it is complete."""

from typing import Annotated, Literal

from pydantic import Field

from trainables.hparams.ranges import FractionBelowOne, OpenFraction
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Scheduler
from tuner.schedulers.core.successive_halving import SuccessiveHalving

FIDELITY = "schedule"
"""Default fidelity: a short whole run predicts a long one better than its first epochs do.

With 20 configurations on the embedded digits, whole runs of 4 epochs have a rank correlation of 0.9
with those of 16 epochs; the fourth epoch of the latter has 0.3 (benchmarks/fidelity).
"""
RungShare = OpenFraction | Literal["drop"]
KeptFraction = Annotated[float, Field(gt=0, le=1)]


def build(
    *,
    fidelity_plan: FidelityPlan,
    rungs: tuple[RungShare, ...] = (0.25,),
    keep: tuple[KeptFraction, ...] = (0.25,),
    settle: FractionBelowOne = 0.04,
) -> Scheduler:
    """Return a scheduler that continues the best trials of each rung.

    Args:
        fidelity_plan: Epochs, number of trials and fidelity of the study.
        rungs: Shares of the run, ascending. With fidelity=epochs, "drop" is the first drop of the
            learning rate, just after which robust accuracy peaks (arXiv:2002.11569).
        keep: Share of the trials that continues from each rung; the last one for later rungs too.
        settle: Share of the run between a drop and its rung.
    """
    return SuccessiveHalving(
        fidelity_plan.schedule_rungs(rungs, settle), keep, fidelity_plan.trials
    )
