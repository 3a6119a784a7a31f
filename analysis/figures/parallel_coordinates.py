"""Knobs and robust accuracy of all trials as lines across axes side by side (Inselberg, 1985)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analysis.figures._labels import beside
from analysis.figures._measured import Accuracies, axis, counted, measured
from analysis.figures._named import called, leaders
from analysis.figures._scale import Scale, present, scale_of
from analysis.figures._style import (
    BLACK,
    COLOURS,
    COLUMN,
    DASHES,
    GREY,
    MANY,
    NAMED,
    PAGE,
    Dashes,
    faint,
    keyed,
    sheet,
    titled,
)
from analysis.figures.sensitivity import chosen
from analysis.frames import Frames

MOST_AXES = 8
"""Knobs side by side on a page."""


def draw(
    frames: Frames, *, accuracies: Accuracies = "validation", knobs: Sequence[str] = ()
) -> Figure:
    """Return an axis a knob that varies and one of robust accuracy, a line a trial.

    A line has a gap where a trial has no such knob. The best ten, or the better half of fewer
    than twenty, are named.

    Args:
        frames: Of one or several studies.
        accuracies: Of which split.
        knobs: Paths of the knobs to show, from left to right; all that vary if none.

    Raises:
        InputError: If there are no such knobs, or none of them varies, or they are too many.
    """
    table = measured(frames, accuracies)
    some = chosen(frames, table, knobs, MOST_AXES)
    columns = {knob: present(frames, knob, table[knob]) for knob in some}
    scales = {knob: scale_of(frames, knob, values) for knob, values in columns.items()}
    columns["robust"] = table["robust"]
    scales["robust"] = scale_of(frames, "robust", table["robust"])
    shares = pd.DataFrame(
        {
            knob: pd.Series(scales[knob].shares(scales[knob].values(values)), index=values.index)
            for knob, values in columns.items()
        },
        index=table.index,
    )
    figure, panels = sheet(height=3.0, width=COLUMN if len(some) <= 3 else PAGE)
    axes = panels[0, 0]
    top = leaders(table)
    rest = shares.drop(top.index)
    strands(axes, rest, GREY, "-", f"others ({len(rest)})", faint(len(rest)))
    strands(axes, shares.loc[top.index[1:]], COLOURS[0], "-", f"best {len(top)}", 0.9)
    strands(axes, shares.loc[top.index[:1]], COLOURS[1], DASHES[1], "winner", 1.0)
    frame(axes, list(scales.values()), [*some, axis(frames, accuracies)])
    ends = [(len(some), height) for height in shares.loc[top.index, "robust"]]
    beside(axes, ends, called(frames, top))
    titled(figure, counted(frames, table))
    keyed(figure, axes)
    return figure


def strands(
    axes: Axes, shares: pd.DataFrame, colour: str, dashes: Dashes, label: str, alpha: float
) -> None:
    """Draw the lines of some trials."""
    if shares.empty:
        return
    turns = np.arange(shares.shape[1], dtype="float64")
    each: list[NDArray[np.float64]] = [
        np.column_stack([turns, row]) for row in shares.to_numpy(dtype="float64")
    ]
    width = 0.5 if len(shares) > NAMED else 1.0
    axes.add_collection(
        LineCollection(
            each,
            colors=colour,
            linestyles=[dashes],
            linewidths=width,
            alpha=alpha,
            label=label,
            rasterized=len(shares) > MANY,
        )
    )


def frame(axes: Axes, scales: Sequence[Scale], labels: Sequence[str]) -> None:
    """Draw the upright axes with their marks."""
    axes.grid(visible=False)
    axes.set(xlim=(-0.45, len(scales) - 0.9), ylim=(-0.04, 1.04), yticks=[])
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xticks(range(len(scales)), labels, rotation=25, ha="right", rotation_mode="anchor")
    for turn, scale in enumerate(scales):
        axes.axvline(turn, color=BLACK, linewidth=0.6)
        values, texts = scale.marks()
        for height, text in zip(scale.shares(values), texts, strict=True):
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
