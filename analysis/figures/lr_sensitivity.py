"""Robust accuracy against the learning rate for each eps schedule (PAS, arXiv:2006.08403)."""

from matplotlib.figure import Figure

from analysis.figures._fixed import column
from analysis.figures._lines import along, lines, plot, unfinished
from analysis.figures._measured import Accuracies, axis, completed, counted, measured
from analysis.figures._scale import scale_of
from analysis.figures._style import MOST, keyed, sheet, titled
from analysis.frames import Frames
from trainables.problems import InputError

KNOB, SCHEDULE = "optimizer.lr", "eps_schedule"


def draw(frames: Frames, *, accuracies: Accuracies = "validation") -> Figure:
    """Return robust accuracy at the selected epoch over the learning rate, a line a schedule.

    Points are means over seeds with standard deviations; a line joins them where nothing but the
    learning rate tells them apart. Trials that did not go to their end are marked.

    Args:
        frames: Of one or several studies.
        accuracies: Of which split.

    Raises:
        InputError: If no schedule has two learning rates, or one cannot be known.
    """
    table = along(frames, measured(frames, accuracies), KNOB)
    whole = completed(table)
    names = column(frames, SCHEDULE).loc[whole.index]
    if names.isna().any():
        raise InputError([
            f"expected {SCHEDULE} of each trial in search.yaml or as a knob, got none."
        ])
    if whole.groupby(names.astype(str))["x"].nunique().max() < 2:
        raise InputError([f"expected at least 2 values of {KNOB} with one {SCHEDULE}, got 1."])
    if (found := names.nunique()) > MOST:
        raise InputError([f"expected at most {MOST} schedules of eps, got {found}."])
    figure, panels = sheet(height=2.6)
    axes = panels[0, 0]
    for index, line in enumerate(lines(frames, whole, KNOB, "robust", names.astype(str))):
        plot(axes, line, index, line.label)
    unfinished(axes, table)
    scale_of(frames, KNOB, table["x"]).put(axes, "learning rate")
    axes.set_ylabel(axis(frames, accuracies))
    titled(figure, counted(frames, table))
    keyed(figure, axes)
    return figure
