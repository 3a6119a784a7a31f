"""Robust against clean accuracy with the Pareto front (Bag of Tricks, arXiv:2010.00467, Fig. 2)."""

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures._labels import beside
from analysis.figures._measured import Accuracies, axis, counted, measured
from analysis.figures._named import best, called
from analysis.figures._style import BLACK, COLOURS, GREY, MANY, NAMED, faint, keyed, sheet, titled
from analysis.frames import Frames
from trainables.problems import InputError


def draw(frames: Frames, *, accuracies: Accuracies = "validation") -> Figure:
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
    table = measured(frames, accuracies)
    table = table[table["clean"].notna() & (table["ended"] != "broken")]
    if len(table) < 2:
        raise InputError([
            f"expected at least 2 trials with clean and robust accuracy, got {len(table)}."
        ])
    figure, panels = sheet(height=2.9)
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
                alpha=faint(len(table)),
                label=label,
                rasterized=len(table) > MANY,
            )
    edge = front(table)
    axes.plot(
        *(edge["clean"], edge["robust"]),
        color=BLACK,
        marker="D",
        markerfacecolor=COLOURS[1],
        linewidth=0.8,
        drawstyle="steps-post",
        label=f"Pareto front ({len(edge)})",
    )
    axes.set(xlabel=axis(frames, accuracies, "Clean accuracy"), ylabel=axis(frames, accuracies))
    inside = table[~far_below(table["clean"]) & ~far_below(table["robust"])]
    outside = len(table) - len(inside)
    titled(figure, counted(frames, table) + f", {outside} far below" * bool(outside))
    axes.set(xlim=roomy(inside["clean"]), ylim=roomy(inside["robust"]))
    shown = best(edge, NAMED)
    points = list(zip(shown["clean"], shown["robust"], strict=True))
    beside(axes, points, called(frames, shown))
    keyed(figure, axes)
    return figure


def far_below(accuracies: "pd.Series[float]") -> "pd.Series[bool]":
    """Return which accuracies lie beyond Tukey's lower outer fence."""
    lower, upper = accuracies.quantile([0.25, 0.75])
    return accuracies < lower - 3 * (upper - lower)


def roomy(accuracies: "pd.Series[float]") -> tuple[float, float]:
    """Return limits of an axis with room around accuracies."""
    low, high = accuracies.min(), accuracies.max()
    room = 0.07 * (high - low) or 1.0
    return float(low - room), float(high + room)


def front(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows than which no other is better in one accuracy and as good in the other.

    They are sorted by clean accuracy; of equals all are kept.
    """
    ordered = table.sort_values(["clean", "robust"], ascending=False, kind="stable")
    highest = ordered.groupby("clean", sort=False)["robust"].max()
    before = highest.cummax().shift(fill_value=float("-inf"))
    kept = ordered["clean"].map(highest.where(highest > before))
    return ordered[ordered["robust"] == kept].sort_values("clean", kind="stable")
