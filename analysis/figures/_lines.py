"""Accuracies along a knob: mean and standard deviation over seeds, line by line."""

from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from analysis.figures._accuracies import get_knob_numbers
from analysis.figures._style import (
    BLACK,
    COLOURS,
    DASHES,
    GREY,
    MARKERS,
    MAX_VECTOR_CURVES,
    compute_opacity,
)
from analysis.frames import Frames
from trainables.errors import InputError

MAX_LARGE_MARKERS = 30
"""Points of a line; more are drawn smaller."""


@dataclass(frozen=True)
class PlotLine:
    """One line of a figure, or a cloud of points if trials differ in other knobs too.

    Attributes:
        name: Empty if it is the only one.
        points: Columns `x`, `setting`, `mean`, `std` (n - 1 in the denominator, missing for one
            seed) and `n`, in percent, sorted by `x`.
        is_connected: Whether the points differ in this knob alone.
    """

    name: str
    points: pd.DataFrame
    is_connected: bool

    @property
    def label(self) -> str:
        """Its name, and the number of seeds per point if there are several."""
        least, most = int(self.points["n"].min()), int(self.points["n"].max())
        seeds = f"{most} seeds" if least == most else f"{least} to {most} seeds"
        return ", ".join(filter(None, [self.name, seeds if most > 1 else ""]))


def add_knob_column(frames: Frames, table: pd.DataFrame, knob: str) -> pd.DataFrame:
    """Return the trials with a number for a knob, searched or fixed, in the column `x`.

    Raises:
        InputError: If there are none.
    """
    table = table.assign(x=get_knob_numbers(frames, knob).loc[table.index])
    table = table[table["x"].notna()]
    if table.empty:
        raise InputError([f"expected trials with a number for {knob}, got none."])
    return table


def build_lines(
    frames: Frames, table: pd.DataFrame, knob: str, value: str, names: "pd.Series[str]"
) -> Iterator[PlotLine]:
    """Yield lines along a knob, each point the mean over seeds of one setting.

    Args:
        frames: Of the studies.
        table: What `add_knob_column` returned.
        knob: Path of the knob.
        value: Column of accuracies in percent.
        names: Of the line that each row belongs to.
    """
    others = [path for path in frames.knobs if path not in (knob, "variant")]
    for name, rows in table.groupby(names.loc[table.index]):
        each = rows.groupby(["x", "setting"])[value].agg(["mean", "std", "count"]).reset_index()
        points = each.rename(columns={"count": "n"}).sort_values("x", ignore_index=True)
        same = all(rows[path].nunique(dropna=False) == 1 for path in others)
        yield PlotLine(str(name), points, is_connected=same and points["x"].is_unique)


def plot_line(axes: Axes, line: PlotLine, index: int, label: str, *, hollow: bool = False) -> None:
    """Draw a line in the style of a number, error bars where there are several seeds."""
    points, style = line.points, ":" if hollow else DASHES[index]
    axes.errorbar(
        points["x"],
        points["mean"],
        yerr=points["std"] if points["n"].max() > 1 else None,
        color=COLOURS[index],
        marker=MARKERS[index],
        markersize=(5 if hollow else 3) * (0.7 if len(points) > MAX_LARGE_MARKERS else 1),
        markerfacecolor="white" if hollow else COLOURS[index],
        linestyle=style if line.is_connected else "none",
        alpha=compute_opacity(len(points)),
        capsize=2,
        elinewidth=0.8,
        label=label or None,
        rasterized=len(points) > MAX_VECTOR_CURVES,
    )


def mark_unfinished(axes: Axes, table: pd.DataFrame) -> None:
    """Mark the trials that ended early, outside of all lines.

    They were validated at an earlier epoch than the others.
    """
    for ended, marker, colour, label in (
        ("stopped", "x", GREY, "stopped early"),
        ("diverged_or_collapsed", "P", BLACK, "diverged or collapsed"),
    ):
        rows = table[table["ended"] == ended]
        if len(rows):
            axes.plot(
                *(rows["x"], rows["robust"], marker),
                color=colour,
                alpha=max(0.3, compute_opacity(len(rows))),
                label=label,
                rasterized=len(rows) > MAX_VECTOR_CURVES,
            )
