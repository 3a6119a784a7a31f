"""Robust accuracy against weight decay (Bag of Tricks, arXiv:2010.00467, Fig. 1a)."""

from matplotlib.figure import Figure

from analysis.figures._fixed import told_apart
from analysis.figures._lines import along, lines, plot, unfinished
from analysis.figures._measured import Accuracies, axis, completed, counted, measured
from analysis.figures._scale import scale_of
from analysis.figures._style import keyed, sheet, titled
from analysis.frames import Frames
from trainables.problems import InputError

KNOB = "optimizer.weight_decay"


def draw(frames: Frames, *, accuracies: Accuracies = "validation") -> Figure:
    """Return robust accuracy at the best and at the last epoch, over weight decay.

    Points are means over seeds with standard deviations; a line joins them where nothing but weight
    decay tells them apart. Trials that did not go to their end are marked, and count in no mean.

    Args:
        frames: Of one or several studies.
        accuracies: Of which split; the last epoch of an evaluation needs rules=last_epoch.

    Raises:
        InputError: If fewer than two values of weight decay were run to the end.
    """
    table = along(frames, measured(frames, accuracies), KNOB)
    whole = completed(table)
    if (values := whole["x"].nunique()) < 2:
        raise InputError([
            f"expected at least 2 values of {KNOB} in completed trials, got {values}."
        ])
    names = told_apart(frames, along=KNOB)
    figure, panels = sheet(height=2.6)
    axes = panels[0, 0]
    for value in ("last", "robust"):  # the best on top
        shown = whole[whole[value].notna()]
        for index, line in enumerate(lines(frames, shown, KNOB, value, names)):
            label = line.label if line.name else ", ".join(filter(None, ["best epoch", line.label]))
            if value == "last":
                label = "" if index else "last epoch (hollow)"
            plot(axes, line, index, label, hollow=value == "last")
    unfinished(axes, table)
    scale_of(frames, KNOB, table["x"]).put(axes, "weight decay")
    axes.set_ylabel(axis(frames, accuracies))
    titled(figure, counted(frames, table))
    keyed(figure, axes)
    return figure
