"""What early stopping saved, and what it might have cost."""

import math
from typing import Any

import pandas as pd

from analysis.frames import Frames, Study
from analysis.selection import score_epochs

COST_COLUMNS = ["epochs", "gradient_passes", "seconds"]


def estimate_savings(frames: Frames) -> pd.DataFrame:
    """Return a row a study: what its stopped trials did not spend, and what they might have become.

    Saved is what the trials that ended or were stopped would have cost more, had each made one run
    of full length and no short ones; negative where short runs were made for nothing. A trial's
    epochs that were not run are taken to cost what those of its last run did, times what trials
    that made both paid more for an epoch of the longest run. Trials that broke down are left out.

    A stopped trial is taken to have gained, from there on, as much as the trial that gained most of
    those that went on from the same epoch of the same run. That is an estimate on the safe side and
    no bound: who went on was ahead, and who is behind may gain more.

    Returns:
        `study`; `trials` and `stopped`, those that the scheduler, or the end of the study, stopped;
        `epochs`, `gradient_passes` (per training example) and `seconds` that were spent, and each
        with `_saved`; `share_saved` of the epochs of running all to the end; `leader`, the highest
        robust accuracy of a trial; `might_have_reached`, the highest estimate for a stopped trial;
        `might_have_cost`, by how much that is above the leader, at least 0; `in_doubt`, for how
        many it is; `unknown`, how many have no estimate, for no trial went on from there.
    """
    epochs = score_epochs(frames, extra_columns=COST_COLUMNS[1:])
    columns = [
        "study",
        "trials",
        "stopped",
        *COST_COLUMNS,
        *(f"{each}_saved" for each in COST_COLUMNS),
    ]
    columns += ["share_saved", "leader", "might_have_reached", "might_have_cost"]
    columns += ["in_doubt", "unknown"]
    return pd.DataFrame(
        [summarize_savings(frames, epochs, study) for study in frames.studies.values()],
        columns=columns,
    )


def summarize_savings(frames: Frames, epochs: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Return what one study saved."""
    trials = frames.trials[frames.trials["study"] == study.name]
    broken = trials.reindex(columns=["collapsed_at"])["collapsed_at"].fillna(0) > 0
    trials = trials[trials["status"].isin(["completed", "stopped"]) & ~broken]
    own = epochs[(epochs["study"] == study.name) & epochs["trial_id"].isin(trials["trial_id"])]
    runs = compute_run_costs(own)
    stopped = set(trials.loc[trials["status"] == "stopped", "trial_id"])
    whole = longest_run_epochs(study, own)
    spent = runs.groupby("trial_id")[COST_COLUMNS].sum()
    last = runs.groupby("trial_id").last()
    # a recorded run has a length of its own, and has gone it
    due = last["epochs"].where(~last.index.isin(stopped), whole)
    saved = pd.DataFrame({each: due * last[f"{each}_each"] for each in COST_COLUMNS}) - spent
    reach = estimate_reachable(own, stopped)
    leader = own["robust"].max()
    above = max(0.0, reach.max() - leader) if len(reach.dropna()) else math.nan
    return {
        "study": study.name,
        "trials": len(trials),
        "stopped": len(stopped),
        **{str(name): float(value) for name, value in spent.sum().items()},
        **{f"{name}_saved": float(value) for name, value in saved.sum().items()},
        "share_saved": saved["epochs"].sum() / due.sum() if due.sum() else 0.0,
        "leader": leader,
        "might_have_reached": reach.max(),
        "might_have_cost": above if stopped else 0.0,
        "in_doubt": int((reach > leader).sum()),
        "unknown": int(reach.isna().sum()),
    }


def longest_run_epochs(study: Study, epochs: pd.DataFrame) -> float:
    """Return the epochs of the longest run of a study."""
    levels = study.description.get("levels")
    return float(levels[-1]["epochs"] if levels else epochs["epoch"].max())


def compute_run_costs(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return a row a trial and run: what it spent, and what an epoch of the longest run would cost.

    Returns:
        `trial_id`, `level`, `epochs`, `gradient_passes`, `seconds`, and each of them with `_each`.
    """
    # passes are counted from the start of the trial, seconds epoch by epoch
    before = epochs.groupby("trial_id")["gradient_passes"].shift(fill_value=0.0)
    rows = epochs.assign(gradient_passes=epochs["gradient_passes"] - before, epochs=1.0)
    runs = rows.groupby(["trial_id", "level"])[COST_COLUMNS].sum().reset_index()
    each = runs[COST_COLUMNS].div(runs["epochs"], axis=0)
    longest = runs["level"] == runs["level"].max()
    ends = each[longest].set_axis(runs.loc[longest, "trial_id"])
    ratio = ends.reindex(runs["trial_id"]).set_axis(runs.index) / each
    dearer = ratio.groupby(runs["level"]).transform("median").fillna(1.0)
    return runs.join((each * dearer).add_suffix("_each"))


def estimate_reachable(epochs: pd.DataFrame, stopped: set[str]) -> "pd.Series[float]":
    """Return what each stopped trial might have reached, by number; missing if nothing tells."""
    rows = epochs.assign(
        so_far=epochs.groupby("trial_id")["robust"].cummax(),
        moment=epochs.groupby(["level", "epoch"]).ngroup(),
    )
    end = rows.groupby("trial_id")[["moment", "so_far"]].last()
    rows = rows.join(end.add_suffix("_end"), on="trial_id")
    went_on = rows[rows["moment"] < rows["moment_end"]]
    gain = (went_on["so_far_end"] - went_on["so_far"]).groupby(went_on["moment"]).max()
    ends = end[end.index.isin(stopped)]
    return (ends["so_far"] + ends["moment"].map(gain)).clip(upper=1.0)
