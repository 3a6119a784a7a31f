"""The best against the last epoch of each setting: robust overfitting (arXiv:2002.11569)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.commands.figures import AccuracySource
from analysis.figures._accuracies import (
    accuracy_label,
    collect_accuracies,
    describe_counts,
    select_completed,
)
from analysis.figures._style import (
    COLOURS,
    GREY,
    MAX_NAMED,
    MAX_VECTOR_CURVES,
    add_legend,
    add_title,
    create_panels,
)
from analysis.figures._trial_labels import label_trials
from analysis.frames import Frames
from trainables.errors import InputError


def draw(frames: Frames, *, accuracies: AccuracySource = "validation") -> Figure:
    """Return robust accuracy at the best and the last epoch, one row per setting, best first.

    Numbers are means over the seeds of a setting; what lies between both is the robust overfitting
    gap, printed in points for the best ten. Of more than ten the others follow below by rank.

    Args:
        frames: Of one or several studies.
        accuracies: Of which split; an evaluation needs rules=last_epoch.

    Raises:
        InputError: If no completed trial has both accuracies.
    """
    table = select_completed(collect_accuracies(frames, accuracies))
    table = table[table["last"].notna()]
    if table.empty:
        raise InputError(["expected robust accuracies at the last epoch, got none."])
    each = rank_settings(table)
    top = each.head(MAX_NAMED)
    several = len(each) > MAX_NAMED
    above = 0.16 * len(top)
    figure, panels = create_panels(
        *(2 if several else 1, 1),
        height=0.95 + above + 1.5 * several,
        sharex=True,
        height_ratios=[above, 1.4] if several else [1],
    )
    named = panels[0, 0]
    draw_pairs(named, top, np.arange(1, len(top) + 1))
    named.set_yticks(range(1, len(top) + 1), label_trials(frames, table.loc[top["first"]]))
    add_title(figure, describe_counts(frames, table))
    for row, (best, gap) in enumerate(zip(top["robust"], top["robust"] - top["last"], strict=True)):
        named.annotate(
            f"{gap:.1f}",
            (best, row + 1),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
        )
    named.margins(x=0.12)
    if several:
        draw_pairs(panels[1, 0], each, each["rank"].to_numpy())
        panels[1, 0].set_ylabel(f"rank of {len(each)} settings")
    panels[-1, 0].set_xlabel(accuracy_label(frames, accuracies))
    add_legend(figure, named)
    return figure


def rank_settings(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row per setting, best first: mean `robust` and `last`, `rank`, `first` row."""
    each = table.assign(first=table.index).groupby("setting")
    means = each.agg({"robust": "mean", "last": "mean", "first": "first"})
    ordered = means.sort_values(["robust", "first"], ascending=[False, True])
    return ordered.assign(rank=np.arange(1, len(ordered) + 1))


def draw_pairs(axes: Axes, each: pd.DataFrame, rows: np.ndarray) -> None:
    """Draw best and last epoch of settings, and a line between them."""
    image = len(each) > MAX_VECTOR_CURVES
    size = 3.5 if len(each) <= MAX_NAMED else 1.6
    axes.hlines(rows, each["last"], each["robust"], color=GREY, linewidth=0.8, rasterized=image)
    for value, marker, colour, label in (
        ("robust", "o", COLOURS[0], "best epoch"),
        ("last", "s", COLOURS[1], "last epoch"),
    ):
        axes.plot(
            *(each[value], rows, marker),
            color=colour,
            markerfacecolor=colour if value == "robust" else "none",
            markersize=size,
            label=label,
            rasterized=image,
        )
    axes.set_ylim(rows[-1] + 0.7, rows[0] - 0.7)
