"""Robust against clean accuracy with the Pareto front (Bag of Tricks, arXiv:2010.00467, Fig. 2)."""

import pandas as pd
from matplotlib.figure import Figure

from analysis.figures._labels import beside
from analysis.figures._measured import Accuracies, axis, counted, measured
from analysis.figures._named import best, called
from analysis.figures._style import BLACK, COLOURS, GREY, MANY, NAMED, faint, keyed, sheet
from analysis.frames import Frames
from trainables.problems import InputError


def draw(frames: Frames, *, accuracies: Accuracies = "validation") -> Figure:
    """Return a scatter of trials at their selected epochs, and the front of those not dominated.

    Trials that diverged or collapsed are left out. Of a front of many the most robust are named.

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
    axes.set(xlabel=axis(accuracies, "Clean accuracy"), ylabel=axis(accuracies))
    axes.set_title(counted(frames, table))
    shown = best(edge, NAMED)
    points = list(zip(shown["clean"], shown["robust"], strict=True))
    beside(axes, points, called(frames, shown))
    keyed(figure, axes, columns=3)
    return figure


def front(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows than which no other is better in one accuracy and as good in the other.

    They are sorted by clean accuracy; of equals all are kept.
    """
    ordered = table.sort_values(["clean", "robust"], ascending=False, kind="stable")
    highest = ordered.groupby("clean", sort=False)["robust"].max()
    before = highest.cummax().shift(fill_value=float("-inf"))
    kept = ordered["clean"].map(highest.where(highest > before))
    return ordered[ordered["robust"] == kept].sort_values("clean", kind="stable")
