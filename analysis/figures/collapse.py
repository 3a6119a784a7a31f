"""Catastrophic overfitting by method and eps (as in GradAlign, arXiv:2007.02617, Fig. 1).

A table of any number of methods, made for `space=eps_sweep` and several seeds; `radii` draws lines.
"""

import math
from collections.abc import Hashable, Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.commands.figures import AccuracySource
from analysis.figures._accuracies import (
    accuracy_label,
    collect_accuracies,
    describe_counts,
    numeric_column,
)
from analysis.figures._lines import add_knob_column
from analysis.figures._style import PAGE_WIDTH, add_title, create_panels
from analysis.figures.radii import KNOB, name_methods, select_strongest
from analysis.frames import Frames
from trainables.errors import InputError

COLOURS = "cividis"
LIGHT = 0.55
"""Share of the highest accuracy from which text is black."""


def draw(frames: Frames, *, accuracies: AccuracySource = "validation") -> Figure:
    """Return robust accuracy at the last epoch, one row per method and one column per eps.

    Numbers are means over seeds of the setting of each method with the highest mean at a radius. A
    trial that collapsed counts with its last epoch. Below a number stands how many trials
    collapsed, and at which update the detector saw the first of them.

    Args:
        frames: Of one or several studies, at two radii or more.
        accuracies: Of which split; an evaluation needs rules=last_epoch.

    Raises:
        InputError: If there are fewer than two radii.
    """
    table = add_knob_column(frames, collect_accuracies(frames, accuracies), KNOB)
    table = table[table["last"].notna() & (table["ended"] != "stopped")]
    if (found := table["x"].nunique()) < 2:
        raise InputError([f"expected 2 values of {KNOB} or more, got {found}."])
    names = name_methods(frames, most=math.inf).loc[table.index]
    chosen = select_strongest(table, names, "last")
    cells = summarize_cells(chosen, names)
    means = cells["mean"].unstack().sort_index()
    figure, panels = create_panels(height=max(2.1, 0.9 + 0.45 * len(means)), width=PAGE_WIDTH)
    axes = panels[0, 0]
    image = axes.imshow(means, cmap=COLOURS, vmin=0, aspect="auto")
    radii = means.columns.to_numpy(dtype=float)
    methods = means.index.astype(str).to_list()
    threshold = LIGHT * float(cells["mean"].max())
    for cell in cells.reset_index().to_dict("records"):
        position = list(radii).index(float(cell["x"])), methods.index(str(cell["method"]))
        colour = "white" if cell["mean"] < threshold else "black"
        write_cell(axes, position, describe_cell(cell), colour)
    axes.set_yticks(range(len(methods)), [name or "all trials" for name in methods])
    axes.set_xticks(range(len(radii)), [format_eps(float(eps)) for eps in radii])
    axes.set_xlabel("eps")
    axes.grid(visible=False)
    figure.colorbar(image, label=f"{accuracy_label(frames, accuracies)}")
    add_title(figure, f"{describe_counts(frames, chosen, groups={})}, last epoch")
    return figure


def summarize_cells(table: pd.DataFrame, names: "pd.Series[str]") -> pd.DataFrame:
    """Return the trials of each method and eps: `mean`, `n`, `collapsed` and `first`.

    `mean` is in percent; `first` is the update of the first collapse, missing without one.
    """
    at = numeric_column(table, "collapsed_at", table.index)
    rows = table.assign(method=names.loc[table.index], at=at.where(at > 0))
    return rows.groupby(["method", "x"]).agg(
        mean=("last", "mean"), n=("last", "size"), collapsed=("at", "count"), first=("at", "min")
    )


def describe_cell(cell: Mapping[Hashable, float]) -> str:
    """Return the lines of a cell, a row of `summarize_cells`."""
    lines = [f"{cell['mean']:.1f}"]
    if cell["collapsed"]:
        lines += [f"{cell['collapsed']:.0f} of {cell['n']:.0f}", f"at {cell['first']:.0f}"]
    return "\n".join(lines)


def write_cell(axes: Axes, position: tuple[int, int], text: str, colour: str) -> None:
    """Write text into the cell at a column and a row."""
    axes.text(*position, text, color=colour, ha="center", va="center", fontsize=7)


def format_eps(eps: float) -> str:
    """Return a radius, in 255ths if it is a whole number of them.

    >>> format_eps(8 / 255), format_eps(0.3)
    ('8/255', '0.3')
    """
    grey = 255 * eps
    return f"{grey:.0f}/255" if abs(grey - round(grey)) < 1e-6 else f"{eps:g}"
