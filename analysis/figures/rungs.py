"""Rungs and survivors: all trials up to where they were stopped (as ASHA, arXiv:1810.05934)."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.figures._fixed import mapping
from analysis.figures._labels import beside
from analysis.figures._measured import Accuracies, axis, measured, number
from analysis.figures._named import best, called
from analysis.figures._scale import shortened
from analysis.figures._style import (
    BLACK,
    COLOURS,
    DASHES,
    GREY,
    MANY,
    NAMED,
    Dashes,
    faint,
    keyed,
    sheet,
)
from analysis.frames import Frames, Study
from trainables.problems import InputError

MOST_STUDIES = 4
FEW = 5
"""Rungs that a title names."""
FREE = {"median", "pbt", "pb2"}
"""Schedulers that may stop a trial at any epoch, and so have no rungs."""


def draw(frames: Frames, *, accuracies: Accuracies = "validation") -> Figure:
    """Return robust accuracy over epochs trained, a panel a study, its rungs marked.

    A trial's runs follow one after another; each begins anew. Rungs are the ends of all runs but
    the last, the shares that `scheduler.rungs` says, and the epochs at which trials were stopped.
    The best ten of those that went to their end are named.

    Args:
        frames: Of one or several studies.
        accuracies: "validation"; an evaluation looks at checkpoints, not at epochs.

    Raises:
        InputError: If a study has no rungs, or no epochs, or they are too many.
    """
    if accuracies != "validation":
        raise InputError(["expected accuracies=validation: an evaluation looks at no epochs."])
    if (number_of := len(frames.studies)) > MOST_STUDIES:
        raise InputError([f"expected at most {MOST_STUDIES} studies, got {number_of}."])
    table = measured(frames, accuracies)
    figure, panels = sheet(number_of, 1, height=0.5 + 2.2 * number_of)
    for axes, (name, study) in zip(panels[:, 0], frames.studies.items(), strict=True):
        panel(axes, frames, table[table["study"] == name], study)
        axes.set(ylabel=axis(frames, accuracies), xlabel="epochs trained")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    keyed(figure, panels[0, 0])
    return figure


def panel(axes: Axes, frames: Frames, table: pd.DataFrame, study: Study) -> None:
    """Draw one study.

    Raises:
        InputError: If it has no rungs or no epochs.
    """
    curves = elapsed(frames, study)
    table = table[table["trial_id"].isin(curves["trial_id"].unique())]
    if table.empty:
        raise InputError([f"expected epochs with a robust accuracy, got none in {study.name}."])
    marks = rungs(curves, table, study)
    if not marks:
        raise InputError([f"expected a study with rungs, got none in {study.name}."])
    each = {str(trial): rows for trial, rows in curves.groupby("trial_id", sort=False)}
    survivors = table[table["ended"] == "completed"]
    top = best(survivors, NAMED)
    strands(axes, each, table[table["ended"] != "completed"], GREY, "-", "stopped")
    strands(axes, each, survivors.drop(top.index), COLOURS[5], "-", "survivors")
    strands(axes, each, top.iloc[1:], COLOURS[0], "-", f"best {len(top)} of them")
    strands(axes, each, top.head(1), COLOURS[1], DASHES[1], "winner")
    ends(axes, each, table)
    axes.autoscale_view()
    for mark in marks:
        axes.axvline(mark, color=BLACK, linewidth=0.8, linestyle=":", zorder=1)
    axes.axvline(marks[0], color=BLACK, linewidth=0.8, linestyle=":", label="rung", zorder=1)
    last = [each[trial].iloc[-1] for trial in top["trial_id"]]
    beside(axes, [(row["elapsed"], row["robust"]) for row in last], called(frames, top))
    axes.set_title(
        f"{shortened(study.name, 44)}\nn = {len(table)} trials, {len(survivors)} to the end, "
        + (f"rungs at {', '.join(map(str, marks))}" if len(marks) <= FEW else f"{len(marks)} rungs")
    )


def elapsed(frames: Frames, study: Study) -> pd.DataFrame:
    """Return the epochs of a study with those trained before in `elapsed`, `robust` in percent."""
    epochs = frames.epochs[frames.epochs["study"] == study.name]
    robust = 100 * number(epochs, "val_robust_accuracy", epochs.index)
    level = number(epochs, "level", epochs.index).fillna(0).astype(int)
    before = level.map(dict(enumerate(starts(study)))).fillna(0).astype(int)
    found = epochs[["trial_id", "epoch"]].assign(
        level=level, robust=robust, elapsed=epochs["epoch"].astype(int) + before
    )
    return found[robust.notna()].sort_values(["trial_id", "elapsed"], kind="stable")


def starts(study: Study) -> list[int]:
    """Return how many epochs come before each run of a trial, the end of the last one included.

    >>> starts(Study(name="a", said={"levels": [{"epochs": 4}, {"epochs": 16}]}))
    [0, 4, 20]
    """
    levels = study.said.get("levels") or [mapping(study.said.get("study"))]
    lengths = [int(mapping(level).get("epochs") or 0) for level in levels]
    return [sum(lengths[:count]) for count in range(len(lengths) + 1)]


def rungs(curves: pd.DataFrame, table: pd.DataFrame, study: Study) -> list[int]:
    """Return the rungs of a study, in epochs trained."""
    scheduler = mapping(study.said.get("scheduler"))
    *begun, end = starts(study)
    found = set(begun[1:])
    if len(begun) == 1:
        shares = [each for each in scheduler.get("rungs", ()) if isinstance(each, float)]
        found |= {max(1, round(share * end)) for share in shares}
    if scheduler.get("name") not in FREE:
        stopped = table.loc[table["ended"] == "stopped", "trial_id"]
        ended = curves[curves["trial_id"].isin(stopped)].groupby("trial_id")["elapsed"].max()
        found |= set(ended.astype(int))
    return sorted(found - {0, end})


def strands(
    axes: Axes,
    each: Mapping[str, pd.DataFrame],
    table: pd.DataFrame,
    colour: str,
    dashes: Dashes,
    label: str,
) -> None:
    """Draw the curves of some trials, each run for itself."""
    runs = [
        rows[["elapsed", "robust"]].to_numpy()
        for trial in table["trial_id"]
        for _, rows in each[trial].groupby("level")
    ]
    if not runs:
        return
    few = len(table) <= NAMED
    axes.add_collection(
        LineCollection(
            runs,
            colors=colour,
            linestyles=[dashes],
            linewidths=1.1 if few else 0.6,
            alpha=0.9 if few else faint(len(table)),
            label=f"{label} ({len(table)})" if not few or colour == GREY else label,
            rasterized=len(table) > MANY,
        )
    )


def ends(axes: Axes, each: Mapping[str, pd.DataFrame], table: pd.DataFrame) -> None:
    """Mark where trials ended that did not go to their end."""
    for ended, marker, colour, label in (
        ("stopped", "x", GREY, None),
        ("broken", "P", BLACK, "diverged or collapsed"),
    ):
        rows = [each[trial].iloc[-1] for trial in table.loc[table["ended"] == ended, "trial_id"]]
        if rows:
            axes.plot(
                [row["elapsed"] for row in rows],
                [row["robust"] for row in rows],
                marker,
                color=colour,
                label=label,
                alpha=max(0.3, faint(len(rows))),
            )
