"""Rungs of a study: the points of training at which its scheduler compares trials."""

from collections.abc import Collection

import pandas as pd

from analysis.frames import Frames, Study, as_mapping

RUNGLESS_SCHEDULERS = {"median", "pbt", "pb2"}
"""Schedulers that may stop a trial at any epoch, and so have no rungs."""


def add_elapsed_epochs(frames: Frames, study: Study) -> pd.DataFrame:
    """Return the epochs of a study with two more columns.

    Returns:
        `elapsed`, all epochs that the trial has trained so far, those of earlier levels included;
        `robust`, in percent.
    """
    epochs = frames.epochs[frames.epochs["study"] == study.name]
    columns = epochs.reindex(columns=["val_robust_accuracy", "level"]).astype("float64")
    robust = 100 * columns["val_robust_accuracy"]
    level = columns["level"].fillna(0).astype(int)
    before = level.map(dict(enumerate(list_run_starts(study)))).fillna(0).astype(int)
    found = epochs[["trial_id", "epoch"]].assign(
        level=level, robust=robust, elapsed=epochs["epoch"].astype(int) + before
    )
    return found[robust.notna()].sort_values(["trial_id", "elapsed"], kind="stable")


def list_run_lengths(study: Study) -> list[int]:
    """Return the epochs of each run of a trial, from the shortest; 0 where `search.yaml` lacks it.

    >>> list_run_lengths(Study(name="a", description={"study": {"epochs": 16}}))
    [16]
    """
    levels = study.description.get("levels") or [
        {"epochs": study.description.get("study", {}).get("epochs", 0)}
    ]
    return [level.get("epochs", 0) for level in levels]


def list_run_starts(study: Study) -> list[int]:
    """Return how many epochs come before each run of a trial, the end of the last one included.

    >>> list_run_starts(Study(name="a", description={"levels": [{"epochs": 4}, {"epochs": 16}]}))
    [0, 4, 20]
    """
    lengths = list_run_lengths(study)
    return [sum(lengths[:count]) for count in range(len(lengths) + 1)]


def find_rungs(curves: pd.DataFrame, stopped: Collection[str], study: Study) -> list[int]:
    """Return the rungs of a study, in epochs trained.

    They are the ends of all runs but the last, the shares that `scheduler.rungs` says, and the
    epochs at which trials were stopped.

    Args:
        curves: Epochs of the study, as `add_elapsed_epochs` returns them.
        stopped: Trials that the scheduler stopped.
        study: The study.
    """
    scheduler = as_mapping(study.description.get("scheduler"))
    *begun, end = list_run_starts(study)
    found = set(begun[1:])
    if len(begun) == 1:
        rungs = scheduler.get("rungs")
        listed = rungs if isinstance(rungs, list | tuple) else ()
        shares = [each for each in listed if isinstance(each, float)]
        found |= {max(1, round(share * end)) for share in shares}
    if scheduler.get("name") not in RUNGLESS_SCHEDULERS:
        ended = curves[curves["trial_id"].isin(stopped)].groupby("trial_id")["elapsed"].max()
        found |= set(ended.astype(int))
    return sorted(found - {0, end})
