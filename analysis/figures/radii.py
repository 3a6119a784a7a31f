"""Robust accuracy against eps, one line per method (GradAlign, arXiv:2007.02617, Fig. 1)."""

import re
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from analysis.commands.figures import AccuracySource
from analysis.figures._accuracies import accuracy_label, collect_accuracies, describe_counts
from analysis.figures._axes import build_axis
from analysis.figures._configuration import name_lines
from analysis.figures._lines import add_knob_column, build_lines, plot_line
from analysis.figures._style import MAX_LINES, add_legend, add_title, create_panels
from analysis.frames import Frames
from trainables.errors import InputError

KNOB = "threat.eps"
METHOD_KNOBS = ("threat", "method", "attack", "attack.steps", "update", "update.replays", "model")
"""What makes a method; its step size and weights go with eps."""
LABEL_PATTERN = re.compile(r"(.*), [\d.]+(/255)?")
"""How spaces call a way to train at a radius: "PGD-10, 8/255"."""


def draw(
    frames: Frames,
    *,
    accuracies: AccuracySource = "validation",
    epoch: Literal["best", "last"] = "best",
) -> Figure:
    """Return robust accuracy over the radius of training and attack, one line per method.

    Points are means over seeds with standard deviations. Of several settings of a method at a
    radius the one with the highest mean counts: each method at its best. Trials that collapsed
    count, for collapse is what the figure is about; those that a scheduler stopped do not.

    Args:
        frames: Of one or several studies, at two radii or more.
        accuracies: Of which split.
        epoch: "best", the selected one, or "last", as in the paper.

    Raises:
        InputError: If no method was trained at two radii.
    """
    if epoch not in ("best", "last"):
        raise InputError([f"epoch must be best or last, got {epoch!r}."])
    value = {"best": "robust", "last": "last"}[epoch]
    table = add_knob_column(frames, collect_accuracies(frames, accuracies), KNOB)
    table = table[table[value].notna() & (table["ended"] != "stopped")]
    names = name_methods(frames).loc[table.index]
    radii = table.groupby(names)["x"].nunique()
    if radii.max() < 2 or radii.empty:
        raise InputError([
            f"expected a method at 2 values of {KNOB} or more, got {table['x'].nunique()}."
        ])
    grey = bool(np.allclose(255 * table["x"], (255 * table["x"]).round()))
    label = "eps (grey levels of 255)" if grey else "eps (pixels in [0, 1])"
    table = table.assign(x=(255 * table["x"]).round() if grey else table["x"])
    figure, panels = create_panels(height=2.6)
    axes = panels[0, 0]
    for index, line in enumerate(
        build_lines(frames, select_strongest(table, names, value), KNOB, value, names)
    ):
        plot_line(axes, replace(line, is_connected=True), index, line.label)
    build_axis(frames, KNOB, table["x"]).apply_to(axes, label)
    axes.set(ylabel=accuracy_label(frames, accuracies))
    add_title(figure, f"{describe_counts(frames, table, groups={})}, {epoch} epoch")
    add_legend(figure, axes)
    return figure


def name_methods(frames: Frames, most: float = MAX_LINES) -> "pd.Series[str]":
    """Return the method of each trial: its name in the space, or the knobs that differ.

    Args:
        frames: Of one or several studies.
        most: Largest number of methods; by default that of distinguishable lines.

    Raises:
        InputError: If there are more methods.
    """
    if "variant" in frames.trials:
        labels = frames.trials["variant"].astype(str).str.extract(LABEL_PATTERN)[0]
        if labels.notna().all():
            if (found := labels.nunique()) > most:
                raise InputError([f"expected at most {most} methods, got {found}."])
            return labels
    return name_lines(frames, along=KNOB, by=METHOD_KNOBS, most=most)


def select_strongest(table: pd.DataFrame, names: "pd.Series[str]", value: str) -> pd.DataFrame:
    """Return the trials of the setting with the highest mean, for each method and radius."""
    means = table.groupby([names, "x", "setting"])[value].mean()
    chosen = set(means.groupby(level=[0, 1]).idxmax())
    keys = zip(names, table["x"], table["setting"], strict=True)
    return table[[key in chosen for key in keys]]
