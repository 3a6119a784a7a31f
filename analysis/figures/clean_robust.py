"""Robust against clean accuracy with the Pareto front (Bag of Tricks, arXiv:2010.00467, Fig. 2)."""

import pandas as pd
from matplotlib.figure import Figure

from analysis.commands.figures import AccuracySource
from analysis.figures._accuracies import accuracy_label, collect_accuracies, describe_counts
from analysis.figures._labels import label_points
from analysis.figures._style import (
    BLACK,
    COLOURS,
    GREY,
    MAX_NAMED,
    MAX_VECTOR_CURVES,
    add_legend,
    add_title,
    compute_opacity,
    create_panels,
)
from analysis.figures._trial_labels import label_trials, select_best
from analysis.frames import Frames
from trainables.errors import InputError


def draw(frames: Frames, *, accuracies: AccuracySource = "validation") -> Figure:
    """Return a scatter of trials at their selected epochs, and the front of those not dominated.

    Trials that diverged or collapsed are left out. So that the others can be seen, those far below
    (by Tukey's outer fence, three interquartile ranges under the lower quartile) are counted in the
    title and lie outside. Of a front of many the most robust are named.

    Args:
        frames: Of one or several studies.
        accuracies: Of which split.

    Raises:
        InputError: If fewer than two trials have both accuracies.
    """
    table = collect_accuracies(frames, accuracies)
    table = table[table["clean"].notna() & (table["ended"] != "diverged_or_collapsed")]
    if len(table) < 2:
        raise InputError([
            f"expected at least 2 trials with clean and robust accuracy, got {len(table)}."
        ])
    figure, panels = create_panels(height=2.9)
    axes = panels[0, 0]
    stopped = table["ended"] == "stopped"
    for rows, colour, marker, label in (
        (table[stopped], GREY, "x", "stopped early"),
        (table[~stopped], COLOURS[0], "o", "completed"),
    ):
        if len(rows):
            axes.plot(
                *(rows["clean"], rows["robust"], marker),
                color=colour,
                alpha=compute_opacity(len(table)),
                label=label,
                rasterized=len(table) > MAX_VECTOR_CURVES,
            )
    edge = select_pareto_rows(table)
    axes.plot(
        *(edge["clean"], edge["robust"]),
        color=BLACK,
        marker="D",
        markerfacecolor=COLOURS[1],
        linewidth=0.8,
        drawstyle="steps-post",
        label=f"Pareto front ({len(edge)})",
    )
    axes.set(
        xlabel=accuracy_label(frames, accuracies, "Clean accuracy"),
        ylabel=accuracy_label(frames, accuracies),
    )
    inside = table[~find_far_below(table["clean"]) & ~find_far_below(table["robust"])]
    outside = len(table) - len(inside)
    add_title(figure, describe_counts(frames, table) + f", {outside} far below" * bool(outside))
    axes.set(xlim=pad_limits(inside["clean"]), ylim=pad_limits(inside["robust"]))
    shown = select_best(edge, MAX_NAMED)
    points = list(zip(shown["clean"], shown["robust"], strict=True))
    label_points(axes, points, label_trials(frames, shown))
    add_legend(figure, axes)
    return figure


def find_far_below(accuracies: "pd.Series[float]") -> "pd.Series[bool]":
    """Return which accuracies lie beyond Tukey's lower outer fence."""
    lower, upper = accuracies.quantile([0.25, 0.75])
    return accuracies < lower - 3 * (upper - lower)


def pad_limits(accuracies: "pd.Series[float]") -> tuple[float, float]:
    """Return limits of an axis with a margin around accuracies."""
    low, high = accuracies.min(), accuracies.max()
    margin = 0.07 * (high - low) or 1.0
    return float(low - margin), float(high + margin)


def select_pareto_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows on the Pareto front of both accuracies.

    They are sorted by clean accuracy; of equals all are kept.
    """
    ordered = table.sort_values(["clean", "robust"], ascending=False, kind="stable")
    highest = ordered.groupby("clean", sort=False)["robust"].max()
    before = highest.cummax().shift(fill_value=float("-inf"))
    kept = ordered["clean"].map(highest.where(highest > before))
    return ordered[ordered["robust"] == kept].sort_values("clean", kind="stable")
