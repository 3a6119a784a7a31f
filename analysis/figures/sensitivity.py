"""Robust accuracy against each knob, one panel per knob (as the sweeps of arXiv:2010.00467)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.commands.figures import AccuracySource
from analysis.figures._accuracies import accuracy_label, collect_accuracies, describe_counts
from analysis.figures._axes import MAX_WORDS, KnobAxis, build_axis, select_present
from analysis.figures._lines import mark_unfinished
from analysis.figures._style import (
    BLACK,
    COLOURS,
    COLUMN_WIDTH,
    MAX_VECTOR_CURVES,
    PAGE_WIDTH,
    add_legend,
    add_title,
    compute_opacity,
    create_panels,
)
from analysis.figures._trial_labels import select_leaders
from analysis.frames import Column, Frames
from analysis.knob_domains import is_number
from trainables.errors import InputError

MAX_PANELS = 16
WORD_SPREAD = 0.3
"""How far points of one word stand from its middle, so that they can be seen."""


def draw(
    frames: Frames, *, accuracies: AccuracySource = "validation", knobs: Sequence[str] = ()
) -> Figure:
    """Return robust accuracy at the selected epoch over each knob that varies.

    A panel has the trials that have its knob; other knobs vary in it, too, if they were searched.
    The best ten, or the better half of fewer than twenty, are marked; for words a bar is the median
    of the completed trials. Variants, and knobs of more than twelve words, are left out, and said.

    Args:
        frames: Of one or several studies.
        accuracies: Of which split.
        knobs: Paths of the knobs to show; all that vary if empty.

    Raises:
        InputError: If there are no such knobs, or none of them varies, or they are too many.
    """
    table = collect_accuracies(frames, accuracies)
    shown = {
        knob: select_present(frames, knob, table[knob])
        for knob in select_knobs(frames, table, knobs, MAX_PANELS)
    }
    across = min(len(shown), 2 if len(shown) <= 6 else 4)
    scales = {
        knob: build_axis(frames, knob, values, min_gap=0.15 if across == 1 else 0.3)
        for knob, values in shown.items()
    }
    down = -(-len(shown) // across)
    figure, panels = create_panels(
        *(down, across),
        width=PAGE_WIDTH if across > 2 else COLUMN_WIDTH,
        height=0.8 + 1.45 * down,
        sharey=True,
    )
    top = select_leaders(table)
    flat = panels.reshape(-1)
    for axes, (knob, values) in zip(flat, shown.items(), strict=False):
        rows = table.loc[values.index]
        draw_panel(
            axes, rows.assign(x=spread_points(scales[knob], values)), rows.index.isin(top.index)
        )
        if scales[knob].kind == "words":
            draw_medians(axes, scales[knob], rows, values)
        scales[knob].apply_to(axes, knob)
        axes.set_title(f"n = {len(rows)}")
    for spare in flat[len(shown) :]:
        spare.remove()
    figure.supylabel(accuracy_label(frames, accuracies), fontsize=7.5)
    left = [] if knobs else [k for k in frames.knobs if is_left_out(frames, table, k)]
    about = describe_counts(frames, table) + f"\nwithout {', '.join(left)}" * bool(left)
    add_title(figure, about)
    add_legend(figure, flat[0])
    return figure


def select_knobs(frames: Frames, table: pd.DataFrame, knobs: Sequence[str], most: int) -> list[str]:
    """Return the knobs to show.

    Raises:
        InputError: If there are no such knobs, or none of them varies, or they are too many.
    """
    if missing := [knob for knob in knobs if knob not in frames.knobs]:
        raise InputError([
            f"knobs: expected some of {', '.join(frames.knobs)}, got {', '.join(missing)}."
        ])
    some = knobs or [knob for knob in frames.knobs if not is_left_out(frames, table, knob)]
    varying = [k for k in some if select_present(frames, k, table[k]).map(str).nunique() > 1]
    if not varying:
        raise InputError([
            f"expected a knob with at least 2 values, got none of {', '.join(some) or 'none'}."
        ])
    if len(varying) > most:
        raise InputError([f"expected at most {most} knobs, got {len(varying)}; name knobs=."])
    return varying


def is_left_out(frames: Frames, table: pd.DataFrame, knob: str) -> bool:
    """Return whether a knob is left out by default: names of variants, and too many words."""
    words = {str(v) for v in select_present(frames, knob, table[knob]) if not is_number(v)}
    return knob == "variant" or len(words) > MAX_WORDS


def spread_points(scale: KnobAxis, values: Column) -> np.ndarray:
    """Return the positions of points; those of one word are spread in a fixed way."""
    places = scale.to_numbers(values)
    if scale.kind != "words":
        return places
    turn = pd.Series(places).groupby(places).cumcount().to_numpy()
    golden = 0.618033988749895  # multiples of it fill [0, 1) evenly, however many there are
    return places + WORD_SPREAD * (2 * ((turn * golden) % 1) - 1)


def draw_panel(axes: Axes, rows: pd.DataFrame, top: np.ndarray) -> None:
    """Draw the trials of one panel."""
    whole = rows["ended"] == "completed"
    for some, colour, marker, size, label in (
        (whole & ~top, COLOURS[0], "o", 2.5, "completed"),
        (whole & top, COLOURS[1], "D", 3.5, f"best {top.sum()}"),
    ):
        axes.plot(
            *(rows.loc[some, "x"], rows.loc[some, "robust"], marker),
            color=colour,
            markersize=size,
            alpha=1 if label != "completed" else compute_opacity(len(rows)),
            label=label,
            rasterized=len(rows) > MAX_VECTOR_CURVES,
        )
    mark_unfinished(axes, rows)


def draw_medians(axes: Axes, scale: KnobAxis, rows: pd.DataFrame, values: Column) -> None:
    """Draw a bar for each word: the median of its completed trials."""
    whole = rows["ended"] == "completed"
    each = rows.loc[whole, "robust"].groupby(scale.to_numbers(values)[whole]).median()
    axes.hlines(each, each.index - 0.35, each.index + 0.35, color=BLACK, linewidth=1.2)
