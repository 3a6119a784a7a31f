"""Successive halving (Karnin et al., 2013): trials pause at a rung until it is complete."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from trainables.hparams.ranges import FractionBelowOne
from tuner.schedulers.core.auto_rungs import AUTO, RungShares, describe_rungs, resolve_rungs
from tuner.schedulers.core.rungs import Correction, FidelityPlan
from tuner.schedulers.core.scheduler import Scheduler
from tuner.schedulers.core.successive_halving import SuccessiveHalving

FIDELITY = "schedule"
"""Default fidelity: a short whole run predicts a long one better than its first epochs do.

With 20 configurations on the embedded digits, whole runs of 4 epochs have a rank correlation of 0.9
with those of 16 epochs; the fourth epoch of the latter has 0.3 (benchmarks/fidelity).
"""
MULTI_OBJECTIVE = True
"""Trials are compared by robust and clean accuracy if both are maximised."""
FORMER_VALUES = {"rungs": (0.25,), "keep": (0.25,), "settle": 0.04, "correction": "none"}
KeptFraction = Annotated[float, Field(gt=0, le=1)]


def build(
    *,
    fidelity_plan: FidelityPlan,
    searched: Mapping[str, object] = MappingProxyType({}),
    rungs: RungShares = AUTO,
    keep: tuple[KeptFraction, ...] = (0.25,),
    settle: FractionBelowOne = 0.04,
    correction: Correction = "auto",
) -> Scheduler:
    """Return a scheduler that continues the best trials of each rung.

    Args:
        fidelity_plan: Epochs, number of trials and fidelity of the study.
        searched: Domain of each searched knob by path.
        rungs: Shares of the run, ascending. With fidelity=epochs, "drop" is the first drop of the
            learning rate, just after which robust accuracy peaks (arXiv:2002.11569). "auto": with
            fidelity=epochs behind the drop or late in the run, else a quarter of the run; a run
            that is too short has no rung.
        keep: Share of the trials that continues from each rung; the last one for later rungs too.
        settle: Share of the run between a drop and its rung.
        correction: With "auto" and fidelity=schedule, trials that were run in both lengths show how
            the searched knobs bias short runs, and the others rank by what they are expected to
            reach. "none": they rank by the accuracy of the short run.
    """
    schedule = fidelity_plan.schedule_rungs(resolve_rungs(fidelity_plan, rungs), settle)
    schedule = schedule.with_correction(fidelity_plan, correction, searched)
    scheduler = SuccessiveHalving(schedule, keep, fidelity_plan.trials)
    if rungs == AUTO:
        scheduler.note = describe_rungs(fidelity_plan)
    return scheduler
