"""Robust accuracy against the learning rate for each eps schedule (PAS, arXiv:2006.08403)."""

from matplotlib.figure import Figure

from analysis.commands.figures import AccuracySource
from analysis.figures._accuracies import (
    accuracy_label,
    collect_accuracies,
    describe_counts,
    select_completed,
)
from analysis.figures._axes import build_axis
from analysis.figures._lines import add_knob_column, build_lines, mark_unfinished, plot_line
from analysis.figures._style import MAX_LINES, add_legend, add_title, create_panels
from analysis.frames import Frames, get_knob_values
from trainables.errors import InputError

KNOB, SCHEDULE = "optimizer.lr", "eps_schedule"


def draw(frames: Frames, *, accuracies: AccuracySource = "validation") -> Figure:
    """Return robust accuracy at the selected epoch over the learning rate, one line per schedule.

    Points are means over seeds with standard deviations; a line joins them where they differ
    in the learning rate alone. Trials that did not go to their end are marked.

    Args:
        frames: Of one or several studies.
        accuracies: Of which split.

    Raises:
        InputError: If no schedule has two learning rates, or one cannot be known.
    """
    table = add_knob_column(frames, collect_accuracies(frames, accuracies), KNOB)
    whole = select_completed(table)
    names = get_knob_values(frames, SCHEDULE).loc[whole.index]
    if names.isna().any():
        raise InputError([
            f"expected {SCHEDULE} of each trial in search.yaml or as a knob, got none."
        ])
    if whole.groupby(names.astype(str))["x"].nunique().max() < 2:
        raise InputError([f"expected at least 2 values of {KNOB} with one {SCHEDULE}, got 1."])
    if (found := names.nunique()) > MAX_LINES:
        raise InputError([f"expected at most {MAX_LINES} schedules of eps, got {found}."])
    figure, panels = create_panels(height=2.6)
    axes = panels[0, 0]
    for index, line in enumerate(build_lines(frames, whole, KNOB, "robust", names.astype(str))):
        plot_line(axes, line, index, line.label)
    mark_unfinished(axes, table)
    build_axis(frames, KNOB, table["x"]).apply_to(axes, "learning rate")
    axes.set_ylabel(accuracy_label(frames, accuracies))
    add_title(figure, describe_counts(frames, table))
    add_legend(figure, axes)
    return figure
