"""Cost that early stopping saved, and accuracy that it may have lost."""

import math

import pandas as pd

from analysis.frames import Frames, Study
from analysis.selection import score_epochs

COST_COLUMNS = ["epochs", "gradient_passes", "seconds"]


def estimate_savings(frames: Frames) -> pd.DataFrame:
    """Return one row per study: cost saved by early stopping, and accuracy possibly lost.

    The saving is the extra cost if each completed or stopped configuration had made one run of full
    length and no short runs; it is negative if short runs cost more than they saved. An epoch that
    was not run costs what an epoch of the trial's last run did, times the median ratio of an epoch
    of the longest run to it. Further seeds, diverged and collapsed trials are left out, as in the
    summary at the end of a study (`tuner.state.savings`).

    A stopped trial is assumed to gain as much as the largest gain among the trials that continued
    from the same epoch of the same run. This is a cautious estimate and not a bound: the trials
    that continued were ahead, and a trial that is behind may gain more.

    Returns:
        `study`; `trials` and `stopped`, those that the scheduler, or the end of the study, stopped;
        `epochs`, `gradient_passes` (per training example) and `seconds` that were spent, and each
        with `_saved`; `share_saved` of the epochs of running all to the end; `leader`, the highest
        robust accuracy of a trial; `might_have_reached`, the highest estimate for a stopped trial;
        `might_have_cost`, by how much that is above the leader, at least 0; `in_doubt`, for how
        many it is; `unknown`, how many have no estimate, since no trial continued from there.
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


def summarize_savings(frames: Frames, epochs: pd.DataFrame, study: Study) -> dict[str, object]:
    """Return the row of one study."""
    trials = frames.trials[frames.trials["study"] == study.name]
    failed_training = trials.reindex(columns=["collapsed_at"])["collapsed_at"].fillna(0) > 0
    # studies without further seeds have no such column
    first = trials.get("configuration", trials["trial_id"]).fillna(trials["trial_id"])
    is_counted = trials["status"].isin(["completed", "stopped"]) & ~failed_training
    trials = trials[is_counted & (first == trials["trial_id"])]
    own = epochs[(epochs["study"] == study.name) & epochs["trial_id"].isin(trials["trial_id"])]
    runs = compute_run_costs(own)
    stopped = set(trials.loc[trials["status"] == "stopped", "trial_id"])
    whole = longest_run_epochs(study, own)
    spent = runs.groupby("trial_id")[COST_COLUMNS].sum()
    last = runs.groupby("trial_id").last()
    # a completed run from a log has its own length
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
    """Return one row per trial and run: its cost, and the cost of an epoch of the longest run.

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
    cost_ratio = ratio.groupby(runs["level"]).transform("median").fillna(1.0)
    return runs.join((each * cost_ratio).add_suffix("_each"))


def estimate_reachable(epochs: pd.DataFrame, stopped: set[str]) -> "pd.Series[float]":
    """Return the accuracy each stopped trial might have reached; nan if no trial continued."""
    rows = epochs.assign(
        so_far=epochs.groupby("trial_id")["robust"].cummax(),
        position=epochs.groupby(["level", "epoch"]).ngroup(),
    )
    end = rows.groupby("trial_id")[["position", "so_far"]].last()
    rows = rows.join(end.add_suffix("_end"), on="trial_id")
    continued = rows[rows["position"] < rows["position_end"]]
    gain = (continued["so_far_end"] - continued["so_far"]).groupby(continued["position"]).max()
    ends = end[end.index.isin(stopped)]
    return (ends["so_far"] + ends["position"].map(gain)).clip(upper=1.0)
