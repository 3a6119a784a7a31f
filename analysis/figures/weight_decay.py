"""Robust accuracy against weight decay (Bag of Tricks, arXiv:2010.00467, Fig. 1a)."""

from matplotlib.figure import Figure

from analysis.commands.figures import AccuracySource
from analysis.figures._accuracies import (
    accuracy_label,
    collect_accuracies,
    describe_counts,
    select_completed,
)
from analysis.figures._axes import build_axis
from analysis.figures._configuration import name_lines
from analysis.figures._lines import add_knob_column, build_lines, mark_unfinished, plot_line
from analysis.figures._style import add_legend, add_title, create_panels
from analysis.frames import Frames
from trainables.errors import InputError

KNOB = "optimizer.weight_decay"


def draw(frames: Frames, *, accuracies: AccuracySource = "validation") -> Figure:
    """Return robust accuracy at the best and at the last epoch, over weight decay.

    Points are means over seeds with standard deviations; a line joins them where they differ
    in weight decay alone. Trials that did not go to their end are marked, and count in no mean.

    Args:
        frames: Of one or several studies.
        accuracies: Of which split; the last epoch of an evaluation needs rules=last_epoch.

    Raises:
        InputError: If fewer than two values of weight decay were run to the end.
    """
    table = add_knob_column(frames, collect_accuracies(frames, accuracies), KNOB)
    whole = select_completed(table)
    if (values := whole["x"].nunique()) < 2:
        raise InputError([
            f"expected at least 2 values of {KNOB} in completed trials, got {values}."
        ])
    names = name_lines(frames, along=KNOB)
    figure, panels = create_panels(height=2.6)
    axes = panels[0, 0]
    for value in ("last", "robust"):  # the best on top
        shown = whole[whole[value].notna()]
        for index, line in enumerate(build_lines(frames, shown, KNOB, value, names)):
            label = line.label if line.name else ", ".join(filter(None, ["best epoch", line.label]))
            if value == "last":
                label = "" if index else "last epoch (hollow)"
            plot_line(axes, line, index, label, hollow=value == "last")
    mark_unfinished(axes, table)
    build_axis(frames, KNOB, table["x"]).apply_to(axes, "weight decay")
    axes.set_ylabel(accuracy_label(frames, accuracies))
    add_title(figure, describe_counts(frames, table))
    add_legend(figure, axes)
    return figure
