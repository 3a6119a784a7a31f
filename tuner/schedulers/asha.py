"""Asynchronous successive halving (Li et al., 2020, arXiv:1810.05934)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from trainables.hparams.ranges import Count, Fraction
from tuner.schedulers.core.asha_promotion import AshaPromotion
from tuner.schedulers.core.asha_stopping import AshaStopping
from tuner.schedulers.core.auto_rungs import AUTO, RungShares, describe_rungs, resolve_rungs
from tuner.schedulers.core.brackets import Brackets
from tuner.schedulers.core.rungs import Correction, FidelityPlan
from tuner.schedulers.core.scheduler import Scheduler

FIDELITY = "schedule"
"""Default fidelity; see `tuner.schedulers.halving`."""
MULTI_OBJECTIVE = True
"""Trials are compared by robust and clean accuracy if both are maximised."""
FORMER_VALUES = {
    "variant": "stopping",
    "rungs": AUTO,
    "grace": 0.5,
    "reduction_factor": 3,
    "correction": "none",
}
ReductionFactor = Annotated[float, Field(gt=1)]
Variant = Literal["promotion", "stopping"]


def build(
    *,
    fidelity_plan: FidelityPlan,
    searched: Mapping[str, object] = MappingProxyType({}),
    variant: Variant = "promotion",
    rungs: RungShares = AUTO,
    grace: Fraction | None = None,
    reduction_factor: ReductionFactor = 4,
    brackets: Count = 1,
    correction: Correction = "auto",
) -> Scheduler:
    """Return a scheduler that continues, at each rung, the best trials so far.

    Args:
        fidelity_plan: Epochs, number of trials and fidelity of the study.
        searched: Domain of each searched knob by path.
        variant: With "promotion", a trial pauses at a rung and continues once it is among the best;
            with "stopping", a trial that is not among the best when it arrives is stopped.
        rungs: Shares of the run, ascending; see `scheduler=halving`. "auto": behind the drop of the
            learning rate or late in the run; a run that is too short has no rung.
        grace: Share of the epochs before the first rung, in place of `rungs`; each rung is then
            `reduction_factor` times later than the one before.
        reduction_factor: With factor n, one of n trials continues.
        brackets: Number of brackets; each starts at a later rung than the one before.
        correction: With "auto" and fidelity=schedule, trials that were run in both lengths show how
            the searched knobs bias short runs, and the others rank by what they are expected to
            reach; for variant=promotion. "none": they rank by the accuracy of the short run.
    """
    if grace is not None:
        rungs = tuple(rung_shares(max(grace, 1 / fidelity_plan.epochs), reduction_factor))
    schedule = fidelity_plan.schedule_rungs(resolve_rungs(fidelity_plan, rungs))
    schedule = schedule.with_correction(fidelity_plan, correction, searched)
    number = min(brackets, max(1, len(schedule.rungs)))
    # trials of a bracket with more rungs are cheaper, so it gets more of them
    weights = [max(1, len(schedule.rungs) - first) for first in range(number)]
    build_bracket = AshaPromotion if variant == "promotion" else AshaStopping
    schedulers = [
        build_bracket(schedule, reduction_factor, first_rung=first) for first in range(number)
    ]
    scheduler = Brackets(schedulers, weights) if number > 1 else schedulers[0]
    if rungs == AUTO:
        scheduler.note = describe_rungs(fidelity_plan)
    return scheduler


def rung_shares(first: float, factor: float) -> list[float]:
    """Return the rungs of a run, as shares of it.

    >>> rung_shares(0.1, 3)
    [0.1, 0.3, 0.9]
    """
    shares = []
    while first < 1:
        shares.append(round(first, 9))
        first *= factor
    return shares
