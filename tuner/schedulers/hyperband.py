"""Hyperband (Li et al., 2018, arXiv:1603.06560): brackets of successive halving."""

from trainables.hparams.ranges import OpenFraction
from tuner.schedulers.asha import ReductionFactor, rung_shares
from tuner.schedulers.core.brackets import Brackets, split_trials
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Scheduler
from tuner.schedulers.core.successive_halving import SuccessiveHalving


def build(
    *, fidelity_plan: FidelityPlan, grace: OpenFraction = 0.1, reduction_factor: ReductionFactor = 3
) -> Scheduler:
    """Return one bracket per first rung, and one without early stopping.

    Args:
        fidelity_plan: Epochs, number of trials and fidelity of the study.
        grace: Share of the epochs before the first rung of the first bracket.
        reduction_factor: With factor n, one of n trials continues, and the next rung is n times
            later.
    """
    schedule = fidelity_plan.schedule_rungs(rung_shares(grace, reduction_factor))
    last = len(schedule.rungs)
    # the paper's sizes: all brackets cost about the same
    shares = [reduction_factor ** (last - first) / (last - first + 1) for first in range(last + 1)]
    schedulers = [
        SuccessiveHalving(schedule, [1 / reduction_factor], trials, first_rung=first)
        for first, trials in enumerate(split_trials(fidelity_plan.trials, shares))
    ]
    return Brackets(schedulers, shares)
