"""The search path: the best robust accuracy so far against the cost of all trials together."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from analysis.frames import TRIAL_KEYS, Frames, Study
from analysis.report.trials import QUESTION
from analysis.selection import score_epochs
from trainables.errors import InputError
from tuner.storage.event_reader import read_events

COSTS = {
    "epochs": "epochs trained, all trials together",
    "gradient_passes": "forward passes with gradients per training example, all trials together",
    "seconds": "hours of training, all trials together",
}
"""Costs that the page offers, with their units; seconds are shown in hours."""
SECONDS_PER_HOUR = 3600


def build_search_paths(frames: Frames) -> dict[str, object]:
    """Return the path of each study, separately for each threat and data set.

    Args:
        frames: As `add_selected_epochs` returns them.

    Returns:
        `titles` of the costs; `paths`, each with its `name`, `n` trials, whether it is `ordered` (a
        log may not say which trial came first), `best` in [0, 1] and `rows` of the trials that
        improved it, and `cost`, by cost, at each improvement and at the end; `trials`, by cost, the
        cost at the selected epoch of each row of `trials`, `None`: unknown.
    """
    trials = frames.trials.reset_index(drop=True)
    paths, at = list[dict[str, object]](), list[pd.DataFrame]()
    epochs = score_epochs(frames, extra_columns=list(COSTS)[1:])
    for (name, question), own in trials.groupby(["study", QUESTION], observed=True, sort=False):
        study = frames.studies[str(name)]
        mine = epochs[(epochs["study"] == name) & epochs["trial_id"].isin(own["trial_id"])]
        steps, is_ordered = order_epochs(add_costs(mine), study)
        if steps.empty:
            continue
        row_of = pd.Series(own.index, index=own["trial_id"].astype(str))
        steps = steps.assign(row=steps["trial_id"].astype(str).map(row_of))
        several = trials.loc[trials["study"] == name, QUESTION].nunique() > 1
        title = f"{name}, {question}" if several else str(name)
        path = trace_best(steps)
        paths.append({"name": title, "n": len(own), "ordered": is_ordered, **path})
        at.append(steps)
    located = locate_trials(trials, at) if at else pd.DataFrame()
    costs = [cost for cost in COSTS if any(steps[cost].notna().any() for steps in at)]
    return {
        "titles": {cost: COSTS[cost] for cost in costs},
        "paths": paths,
        "trials": {cost: [round_cost(value) for value in located[cost]] for cost in costs},
    }


def add_costs(epochs: pd.DataFrame) -> pd.DataFrame:
    """Return epochs with the cost of each alone, in the units of `COSTS`."""
    # passes are counted from the start of the trial, seconds epoch by epoch
    before = epochs.groupby("trial")["gradient_passes"].shift(fill_value=0.0)
    return epochs.assign(
        epochs=1.0,
        gradient_passes=epochs["gradient_passes"].astype("float64") - before,
        seconds=epochs["seconds"].astype("float64") / SECONDS_PER_HOUR,
    )


def order_epochs(epochs: pd.DataFrame, study: Study) -> tuple[pd.DataFrame, bool]:
    """Return epochs in the order of their reports with summed costs, and whether it is known.

    Without an event log, the trials follow one after another.
    """
    positions = {key: place for place, key in enumerate(read_report_order(study))}
    keys = zip(epochs["trial_id"].astype(str), epochs["level"], epochs["epoch"], strict=True)
    place = [
        positions.get((trial, int(level), int(epoch))) for trial, level, epoch in keys if positions
    ]
    is_ordered = len(place) > 0 and None not in place
    if is_ordered:
        epochs = epochs.iloc[np.argsort(np.asarray(place, dtype=int), kind="stable")]
    costs = epochs[list(COSTS)].cumsum()
    return epochs.assign(**{name: costs[name] for name in COSTS}), is_ordered


def read_report_order(study: Study) -> Iterator[tuple[str, int, int]]:
    """Yield trial, level and epoch of each report in the event log of a study, if it has one."""
    if study.folder is None:
        return
    try:
        for event in read_events(study.folder):
            report = event.get("report")
            if event.get("event") == "reported" and isinstance(report, dict):
                yield str(event["trial_id"]), int(report.get("level", 0)), int(report["epoch"])
    except (InputError, KeyError, TypeError, ValueError, AttributeError):
        return  # the order in an incomplete log is unknown


def trace_best(steps: pd.DataFrame) -> dict[str, object]:
    """Return the improvements of the best accuracy: `best`, `rows` and `cost`.

    Epochs that violate a constraint do not count.

    Args:
        steps: Epochs in order, with summed costs and the `row` of their trial.
    """
    robust = steps["robust"].where(steps["missed"] == 0)
    highest = robust.cummax()
    improved = robust > highest.shift(fill_value=-np.inf).fillna(-np.inf)
    marked = steps[improved]
    ends = steps[list(COSTS)].iloc[-1]
    return {
        "best": marked["robust"].round(4).tolist(),
        "rows": marked["row"].astype(int).tolist(),
        "cost": {
            cost: [round_cost(value) for value in [*marked[cost], ends[cost]]] for cost in COSTS
        },
    }


def locate_trials(trials: pd.DataFrame, at: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the summed costs at the selected epoch of each trial, a column a cost."""
    steps = pd.concat(at)
    best = trials.rename(columns={"best_epoch": "epoch"})
    keys = [*TRIAL_KEYS, "level", "epoch"]
    rows = [
        frame[TRIAL_KEYS].astype(str).join(frame[["level", "epoch"]].fillna(0).astype(int))
        for frame in (best, steps)
    ]
    costs = steps[list(COSTS)].set_axis(pd.MultiIndex.from_frame(rows[1][keys]))
    costs = costs[~costs.index.duplicated()]
    return costs.reindex(pd.MultiIndex.from_frame(rows[0][keys]))


def round_cost(value: float) -> float | None:
    """Return a cost to six significant digits; `None`: it is unknown."""
    return None if pd.isna(value) else float(f"{value:.6g}")
