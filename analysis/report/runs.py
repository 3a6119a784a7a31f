"""Which run the accuracy of a trial comes from, and accuracies compared at the same point.

A scheduler stops trials after a short run, or early in their only run. Their accuracies are lower
because they were trained for less time, so that the page distinguishes them.
"""

from collections.abc import Iterator

import pandas as pd

from analysis.frames import TRIAL_KEYS, Frames, Study
from analysis.rungs import add_elapsed_epochs, find_rungs, list_run_lengths
from analysis.selection import score_epochs

FULL, SHORT, STOPPED, COLLAPSED = "full", "short", "stopped", "collapsed"
"""Kinds of marks, beside the other statuses of trials."""
MAX_POINTS = 8
"""Points of training that the page offers for a comparison."""
MAX_RUNGS = 8
"""Rungs that a chart marks."""


def label_runs(study: Study) -> list[str]:
    """Return the name of each run of a trial, with its epochs if they are known.

    >>> label_runs(Study(name="a", description={"levels": [{"epochs": 2}, {"epochs": 7}]}))
    ['short run, 2 epochs', 'full run, 7 epochs']
    >>> label_runs(Study(name="log"))
    ['full run']
    """
    *shorter, full = list_run_lengths(study)
    names = [
        f"short run, {count_epochs(length)}" if length != full else "run with a weaker attack"
        for length in shorter
    ]
    return [*names, f"full run, {count_epochs(full)}" if full else "full run"]


def count_epochs(number: int) -> str:
    """Return a number of epochs as text.

    >>> count_epochs(1), count_epochs(7)
    ('1 epoch', '7 epochs')
    """
    return f"{number} epoch{'s' if number != 1 else ''}"


def describe_marks(frames: Frames) -> dict[str, object]:
    """Return what distinguishes trials in the charts.

    Args:
        frames: As `add_selected_epochs` returns them.

    Returns:
        `kinds` and `labels` of the marks, and `of`, the mark of each row of `trials`.
    """
    runs = {name: label_runs(study) for name, study in frames.studies.items()}
    trials = frames.trials
    collapsed = trials.reindex(columns=["collapsed_at"])["collapsed_at"].fillna(0) > 0
    columns = trials["study"], trials["status"], trials["level"].fillna(0), collapsed
    each = [
        find_mark(runs[study], COLLAPSED if has_collapsed else status, int(level))
        for study, status, level, has_collapsed in zip(*columns, strict=True)
    ]
    order = {FULL: 0, SHORT: 1, STOPPED: 2}
    marks = sorted(set(each), key=lambda mark: (order.get(mark[0], len(order)), mark))
    return {
        "kinds": [kind for kind, _ in marks],
        "labels": [label for _, label in marks],
        "of": [marks.index(mark) for mark in each],
    }


def find_mark(runs: list[str], status: str, level: int) -> tuple[str, str]:
    """Return kind and label of the mark of a trial.

    Args:
        runs: Names of the runs of its study.
        status: Its status, or "collapsed".
        level: The run of its selected epoch.
    """
    if status not in {"completed", "stopped"}:
        return status, status
    if level < len(runs) - 1:
        return SHORT, runs[level]
    return (FULL, runs[-1]) if status == "completed" else (STOPPED, "stopped early")


def find_all_rungs(frames: Frames) -> list[int]:
    """Return the rungs of all studies, in epochs trained, or `[]` if there are too many to mark."""
    trials = frames.trials
    found = set[int]()
    for name, study in frames.studies.items():
        own = trials[(trials["study"] == name) & (trials["status"] == "stopped")]
        found |= set(find_rungs(add_elapsed_epochs(frames, study), set(own["trial_id"]), study))
    return sorted(found) if len(found) <= MAX_RUNGS else []


def compare_at_points(frames: Frames) -> list[dict[str, object]]:
    """Return the accuracies of trials at points of training that several trials reached.

    Args:
        frames: As `add_selected_epochs` returns them.

    Returns:
        For each point its `title`, `kind` ("full" for the end of the last run, else "short"), and
        `values`: for each row of `trials` its highest robust accuracy of that run up to that point;
        `None` where it did not get there.
    """
    epochs = score_epochs(frames)
    rows = pd.MultiIndex.from_frame(frames.trials[TRIAL_KEYS].astype(str))
    points: dict[str, tuple[str, pd.Series]] = {}
    for study in frames.studies.values():
        own = epochs[epochs["study"] == study.name]
        for title, level, epoch in list_points(frames, study):
            run = own[(own["level"] == level) & (own["epoch"] <= epoch)]
            best = run.groupby(TRIAL_KEYS, observed=True).agg({"robust": "max", "epoch": "max"})
            values = best.loc[best["epoch"] == epoch, "robust"]
            values.index = pd.MultiIndex.from_frame(values.index.to_frame().astype(str))
            kind = FULL if level == len(list_run_lengths(study)) - 1 else SHORT
            before = points[title][1] if title in points else pd.Series(dtype="float64")
            points[title] = kind, values if before.empty else pd.concat([before, values])
    return [
        {"title": title, "kind": kind, "values": fill_rows(values, rows)}
        for title, (kind, values) in list(points.items())[:MAX_POINTS]
        if values.notna().sum() > 1
    ]


def list_points(frames: Frames, study: Study) -> Iterator[tuple[str, int, int]]:
    """Yield title, level and epoch of the points at which the trials of a study are compared."""
    lengths, names = list_run_lengths(study), label_runs(study)
    if len(lengths) == 1:
        own = frames.trials[frames.trials["study"] == study.name]
        stopped = set(own.loc[own["status"] == "stopped", "trial_id"])
        for rung in find_rungs(add_elapsed_epochs(frames, study), stopped, study):
            yield f"after {count_epochs(rung)}", 0, rung
    for level, (length, name) in enumerate(zip(lengths, names, strict=True)):
        if length:
            yield f"end of the {name}", level, length


def fill_rows(values: "pd.Series[float]", rows: pd.MultiIndex) -> list[float | None]:
    """Return the value of each row, to four decimals; `None`: it has none."""
    found = values.reindex(rows).round(4)
    return [None if pd.isna(value) else float(value) for value in found.tolist()]
