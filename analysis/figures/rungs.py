"""Rungs and survivors: all trials up to where they were stopped (as ASHA, arXiv:1810.05934)."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.commands.figures import AccuracySource
from analysis.figures._accuracies import accuracy_label, collect_accuracies
from analysis.figures._axes import shorten_word
from analysis.figures._labels import label_points
from analysis.figures._style import (
    BLACK,
    COLOURS,
    DASHES,
    GREY,
    MAX_NAMED,
    MAX_VECTOR_CURVES,
    Dashes,
    add_legend,
    compute_opacity,
    create_panels,
)
from analysis.figures._trial_labels import label_trials, select_best
from analysis.frames import Frames, Study
from analysis.rungs import add_elapsed_epochs, find_rungs
from trainables.errors import InputError

MAX_STUDIES = 4
MAX_TITLE_RUNGS = 5
"""Rungs that a title names."""


def draw(frames: Frames, *, accuracies: AccuracySource = "validation") -> Figure:
    """Return robust accuracy over epochs trained, one panel per study, with its rungs.

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
    if (number_of := len(frames.studies)) > MAX_STUDIES:
        raise InputError([f"expected at most {MAX_STUDIES} studies, got {number_of}."])
    table = collect_accuracies(frames, accuracies)
    figure, panels = create_panels(number_of, 1, height=0.5 + 2.2 * number_of)
    for axes, (name, study) in zip(panels[:, 0], frames.studies.items(), strict=True):
        draw_study(axes, frames, table[table["study"] == name], study)
        axes.set(ylabel=accuracy_label(frames, accuracies), xlabel="epochs trained")
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    add_legend(figure, panels[0, 0])
    return figure


def draw_study(axes: Axes, frames: Frames, table: pd.DataFrame, study: Study) -> None:
    """Draw one study.

    Raises:
        InputError: If it has no rungs or no epochs.
    """
    curves = add_elapsed_epochs(frames, study)
    table = table[table["trial_id"].isin(curves["trial_id"].unique())]
    if table.empty:
        raise InputError([f"expected epochs with a robust accuracy, got none in {study.name}."])
    stopped = set(table.loc[table["ended"] == "stopped", "trial_id"])
    marks = find_rungs(curves, stopped, study)
    if not marks:
        raise InputError([f"expected a study with rungs, got none in {study.name}."])
    each = {str(trial): rows for trial, rows in curves.groupby("trial_id", sort=False)}
    survivors = table[table["ended"] == "completed"]
    top = select_best(survivors, MAX_NAMED)
    draw_curves(axes, each, table[table["ended"] != "completed"], GREY, "-", "stopped")
    draw_curves(axes, each, survivors.drop(top.index), COLOURS[5], "-", "survivors")
    draw_curves(axes, each, top.iloc[1:], COLOURS[0], "-", f"best {len(top)} of them")
    draw_curves(axes, each, top.head(1), COLOURS[1], DASHES[1], "winner")
    mark_ends(axes, each, table)
    axes.autoscale_view()
    for mark in marks:
        axes.axvline(mark, color=BLACK, linewidth=0.8, linestyle=":", zorder=1)
    axes.axvline(marks[0], color=BLACK, linewidth=0.8, linestyle=":", label="rung", zorder=1)
    last = [each[trial].iloc[-1] for trial in top["trial_id"]]
    label_points(axes, [(row["elapsed"], row["robust"]) for row in last], label_trials(frames, top))
    axes.set_title(
        f"{shorten_word(study.name, 44)}\nn = {len(table)} trials, {len(survivors)} to the end, "
        + (
            f"rungs at {', '.join(map(str, marks))}"
            if len(marks) <= MAX_TITLE_RUNGS
            else f"{len(marks)} rungs"
        )
    )


def draw_curves(
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
    few = len(table) <= MAX_NAMED
    axes.add_collection(
        LineCollection(
            runs,
            colors=colour,
            linestyles=[dashes],
            linewidths=1.1 if few else 0.6,
            alpha=0.9 if few else compute_opacity(len(table)),
            label=f"{label} ({len(table)})" if not few or colour == GREY else label,
            rasterized=len(table) > MAX_VECTOR_CURVES,
        )
    )


def mark_ends(axes: Axes, each: Mapping[str, pd.DataFrame], table: pd.DataFrame) -> None:
    """Mark the last epochs of trials that ended early."""
    for ended, marker, colour, label in (
        ("stopped", "x", GREY, None),
        ("diverged_or_collapsed", "P", BLACK, "diverged or collapsed"),
    ):
        rows = [each[trial].iloc[-1] for trial in table.loc[table["ended"] == ended, "trial_id"]]
        if rows:
            axes.plot(
                [row["elapsed"] for row in rows],
                [row["robust"] for row in rows],
                marker,
                color=colour,
                label=label,
                alpha=max(0.3, compute_opacity(len(rows))),
            )
