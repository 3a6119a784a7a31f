"""Knobs and robust accuracy of all trials as lines across axes side by side (Inselberg, 1985)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.commands.figures import AccuracySource
from analysis.figures._accuracies import accuracy_label, collect_accuracies, describe_counts
from analysis.figures._axes import KnobAxis, build_axis, select_present
from analysis.figures._labels import label_points
from analysis.figures._style import (
    BLACK,
    COLOURS,
    COLUMN_WIDTH,
    DASHES,
    GREY,
    MAX_NAMED,
    MAX_VECTOR_CURVES,
    PAGE_WIDTH,
    Dashes,
    add_legend,
    add_title,
    compute_opacity,
    create_panels,
)
from analysis.figures._trial_labels import label_trials, select_leaders
from analysis.figures.sensitivity import select_knobs
from analysis.frames import Frames

MAX_AXES = 8
"""Knobs side by side on a page."""


def draw(
    frames: Frames, *, accuracies: AccuracySource = "validation", knobs: Sequence[str] = ()
) -> Figure:
    """Return one axis per knob that varies and one for robust accuracy, and a line per trial.

    A line has a gap where a trial has no such knob. The best ten, or the better half of fewer
    than twenty, are named.

    Args:
        frames: Of one or several studies.
        accuracies: Of which split.
        knobs: Paths of the knobs to show, from left to right; empty: all that vary.

    Raises:
        InputError: If there are no such knobs, or none of them varies, or they are too many.
    """
    table = collect_accuracies(frames, accuracies)
    some = select_knobs(frames, table, knobs, MAX_AXES)
    columns = {knob: select_present(frames, knob, table[knob]) for knob in some}
    scales = {knob: build_axis(frames, knob, values) for knob, values in columns.items()}
    columns["robust"] = table["robust"]
    scales["robust"] = build_axis(frames, "robust", table["robust"])
    shares = pd.DataFrame(
        {
            knob: pd.Series(
                scales[knob].to_shares(scales[knob].to_numbers(values)), index=values.index
            )
            for knob, values in columns.items()
        },
        index=table.index,
    )
    figure, panels = create_panels(height=3.0, width=COLUMN_WIDTH if len(some) <= 3 else PAGE_WIDTH)
    axes = panels[0, 0]
    top = select_leaders(table)
    rest = shares.drop(top.index)
    draw_lines(axes, rest, GREY, "-", f"others ({len(rest)})", compute_opacity(len(rest)))
    draw_lines(axes, shares.loc[top.index[1:]], COLOURS[0], "-", f"best {len(top)}", 0.9)
    draw_lines(axes, shares.loc[top.index[:1]], COLOURS[1], DASHES[1], "winner", 1.0)
    draw_axes(axes, list(scales.values()), [*some, accuracy_label(frames, accuracies)])
    ends = [(len(some), height) for height in shares.loc[top.index, "robust"]]
    label_points(axes, ends, label_trials(frames, top))
    add_title(figure, describe_counts(frames, table))
    add_legend(figure, axes)
    return figure


def draw_lines(
    axes: Axes, shares: pd.DataFrame, colour: str, dashes: Dashes, label: str, alpha: float
) -> None:
    """Draw the lines of some trials."""
    if shares.empty:
        return
    turns = np.arange(shares.shape[1], dtype="float64")
    each: list[NDArray[np.float64]] = [
        np.column_stack([turns, row]) for row in shares.to_numpy(dtype="float64")
    ]
    width = 0.5 if len(shares) > MAX_NAMED else 1.0
    axes.add_collection(
        LineCollection(
            each,
            colors=colour,
            linestyles=[dashes],
            linewidths=width,
            alpha=alpha,
            label=label,
            rasterized=len(shares) > MAX_VECTOR_CURVES,
        )
    )


def draw_axes(axes: Axes, scales: Sequence[KnobAxis], labels: Sequence[str]) -> None:
    """Draw the upright axes with their marks."""
    axes.grid(visible=False)
    axes.set(xlim=(-0.45, len(scales) - 0.9), ylim=(-0.04, 1.04), yticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xticks(range(len(scales)), labels, rotation=25, ha="right", rotation_mode="anchor")
    for turn, scale in enumerate(scales):
        axes.axvline(turn, color=BLACK, linewidth=0.6)
        values, texts = scale.get_ticks()
        for height, text in zip(scale.to_shares(values), texts, strict=True):
            axes.annotate(
                text,
                xy=(turn, height),
                xytext=(-3, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontsize=7,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.6},
            )
