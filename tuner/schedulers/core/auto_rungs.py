"""Rungs that are chosen from the fidelity, the epochs and the learning-rate schedule.

They were chosen on one half of the recorded runs of arXiv:2002.11569 and tested on the other half
and on those of arXiv:2604.22853 (`python -m benchmarks.schedulers`).
"""

import math
from typing import Literal

from trainables.hparams.ranges import OpenFraction
from trainables.scheduling import TOLERANCE
from tuner.schedulers.core.rungs import FidelityPlan, RungSpec, epochs_at_shares

AUTO: Literal["auto"] = "auto"
RungShares = Literal["auto"] | tuple[OpenFraction | Literal["drop"], ...]
SHORT_SHARE = 0.25
"""Length of a short run, or share of the attack's steps, at lower fidelity."""
MIN_SHORT_EPOCHS = 2
"""Epochs of a short run below which it says nothing."""
EARLY_SHARE = 1 / 40
"""An early rung, for schedules that drop. Under a constant learning rate the first epochs already
show what will not train; between them and the drop, ranks are worse."""
SETTLE_SHARE = 0.04
"""Share of the run between the drop of the learning rate and the rung behind it."""
LATE_SHARE = 0.6
"""The rung of schedules that do not drop: before it ranks are unrelated to those at the end, and
an average of the weights lags behind."""
MAX_SHARE = 0.9
"""A rung behind this share of the run saves too little."""
MIN_EPOCHS = 5
"""Epochs of a run that is compared early."""


def resolve_rungs(plan: FidelityPlan, rungs: RungShares) -> tuple[RungSpec, ...]:
    """Return the rungs of a study, which "auto" leaves to the plan."""
    return choose_rungs(plan) if rungs == AUTO else rungs


def choose_rungs(plan: FidelityPlan) -> tuple[float, ...]:
    """Return the rungs of a study, as shares of a run; empty: too short to stop any trial.

    Args:
        plan: Epochs, fidelity and learning-rate schedule of the study.
    """
    if plan.fidelity == "attack":
        return (SHORT_SHARE,)
    if plan.fidelity == "schedule":
        is_long_enough = round(SHORT_SHARE * plan.epochs) >= MIN_SHORT_EPOCHS
        return (SHORT_SHARE,) if is_long_enough else ()
    if plan.epochs < MIN_EPOCHS or len({drop is None for drop in plan.lr_drops}) > 1:
        return ()
    drops = [drop for drop in plan.lr_drops if drop is not None]
    if not drops:
        return (LATE_SHARE,)
    behind = find_epoch_behind(max(drops), plan.epochs) / plan.epochs
    if behind > MAX_SHARE:
        return ()  # an early rung alone would decide everything by the first epochs
    early = (EARLY_SHARE,) if 2 * EARLY_SHARE * plan.epochs >= 1 else ()
    return (*early, behind)


def find_epoch_behind(drop: float, epochs: int) -> int:
    """Return the epoch of the rung behind a drop: in a short run the first with the lower rate.

    >>> find_epoch_behind(0.5, 200), find_epoch_behind(0.5, 10)
    (108, 6)
    """
    first_lower = math.floor(drop * epochs + TOLERANCE) + 1
    return max(round((drop + SETTLE_SHARE) * epochs), first_lower)


def last_rung(plan: FidelityPlan) -> float:
    """Return the last rung as a share of the run, 1 if there is none."""
    return max(choose_rungs(plan), default=1.0)


def describe_rungs(plan: FidelityPlan) -> str:
    """Return where trials of a study are compared, for users."""
    shares = choose_rungs(plan)
    if not shares:
        return explain_no_rungs(plan)
    if plan.fidelity == "attack":
        return "trials are compared after a run with a quarter of the attack's steps."
    epochs = " and ".join(map(str, epochs_at_shares(shares, plan.epochs)))
    if plan.fidelity == "schedule":
        return f"trials are compared after a complete run of {epochs} epochs."
    return f"trials are compared after epoch {epochs} of {plan.epochs}."


def explain_no_rungs(plan: FidelityPlan) -> str:
    """Return why no trial of a study is stopped early, for users."""
    if plan.fidelity != "epochs" or plan.epochs < MIN_EPOCHS:
        return (
            f"{plan.epochs} epochs are too few to see early which trials are worse, so that none "
            "is stopped."
        )
    if None in plan.lr_drops:
        return (
            "trials with and without a sharp drop of the learning rate cannot be compared before "
            "their end, so that none is stopped; fidelity=schedule compares them after short runs."
        )
    return (
        "the learning rate drops so late that comparing trials behind the drop saves too little, "
        "so that none is stopped; fidelity=schedule compares them after short runs."
    )
