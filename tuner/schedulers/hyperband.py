"""Hyperband (Li et al., 2018, arXiv:1603.06560): brackets of successive halving."""

from trainables.hparams.ranges import OpenFraction
from tuner.schedulers.asha import ReductionFactor, rung_shares
from tuner.schedulers.core.auto_rungs import choose_rungs, describe_rungs
from tuner.schedulers.core.brackets import Brackets, split_trials
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Scheduler
from tuner.schedulers.core.successive_halving import SuccessiveHalving

MULTI_OBJECTIVE = True
"""Trials are compared by robust and clean accuracy if both are maximised."""
FORMER_VALUES = {"grace": 0.1}


def build(
    *,
    fidelity_plan: FidelityPlan,
    grace: OpenFraction | None = None,
    reduction_factor: ReductionFactor = 3,
) -> Scheduler:
    """Return one bracket per first rung, and one without early stopping.

    Args:
        fidelity_plan: Epochs, number of trials and fidelity of the study.
        grace: Share of the epochs before the first rung of the first bracket; each rung is then
            `reduction_factor` times later than the one before. `None`: rungs behind the drop of the
            learning rate or late in the run; a run that is too short has no rung.
        reduction_factor: With factor n, one of n trials continues.
    """
    shares = choose_rungs(fidelity_plan) if grace is None else rung_shares(grace, reduction_factor)
    schedule = fidelity_plan.schedule_rungs(shares)
    last = len(schedule.rungs)
    # the paper's sizes: all brackets cost about the same
    weights = [reduction_factor ** (last - first) / (last - first + 1) for first in range(last + 1)]
    schedulers = [
        SuccessiveHalving(schedule, [1 / reduction_factor], trials, first_rung=first)
        for first, trials in enumerate(split_trials(fidelity_plan.trials, weights))
    ]
    scheduler = Brackets(schedulers, weights)
    if grace is None:
        scheduler.note = describe_rungs(fidelity_plan)
    return scheduler
