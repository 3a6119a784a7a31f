"""Robust, clean and training accuracy by epoch (Rice et al., arXiv:2002.11569, Fig. 1)."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from analysis.commands.figures import AccuracySource
from analysis.figures._accuracies import accuracy_label, collect_accuracies, numeric_column
from analysis.figures._axes import shorten_word
from analysis.figures._style import (
    BLACK,
    COLOURS,
    COLUMN_WIDTH,
    DASHES,
    GREY,
    PAGE_WIDTH,
    add_legend,
    create_panels,
)
from analysis.figures._trial_labels import select_best
from analysis.frames import Frames
from trainables.errors import InputError
from tuner.storage.frames import Row

MAX_TRIALS = 8
"""Side by side on a page."""
MAX_TITLE_LENGTH = 42
"""Letters of a title."""
CURVE_LABELS = {
    "val_robust_accuracy": "robust",
    "val_clean_accuracy": "clean",
    "train_robust_accuracy": "robust, train",
}


def draw(
    frames: Frames, *, accuracies: AccuracySource = "validation", trials: Sequence[str] = ()
) -> Figure:
    """Return the curves of trials, each with its selected epoch marked.

    Of a trial that consists of several runs the one with the selected epoch is shown. Where the
    accuracy on the training set was not reported, a panel below has the training loss.

    Args:
        frames: Of one or several studies.
        accuracies: "validation"; an evaluation looks at checkpoints, not at epochs.
        trials: Trials by `trial_id`; empty: the winner of each study.

    Raises:
        InputError: If there are no such trials, too many, or none with two epochs.
    """
    if accuracies != "validation":
        raise InputError(["expected accuracies=validation: an evaluation looks at no epochs."])
    chosen = select_trials(collect_accuracies(frames, accuracies), trials)
    runs = [(row, select_run(frames, row)) for row in chosen.to_dict("records")]
    trained = any("train_robust_accuracy" in curve for _, curve in runs)
    has_loss = not trained and any("train_loss" in curve for _, curve in runs)
    across = min(2, len(runs))
    down = -(-len(runs) // across)
    ratios = [1.0, 0.42] if has_loss else [1.0]
    figure, panels = create_panels(
        *(down * len(ratios), across),
        width=COLUMN_WIDTH if across == 1 else PAGE_WIDTH,
        height=0.5 + down * (2.4 if has_loss else 1.75),
        sharex="col" if down == 1 else False,
        height_ratios=ratios * down,
    )
    for index, (row, curve) in enumerate(runs):
        above = panels[index // across * len(ratios), index % across]
        draw_accuracies(above, row, curve, accuracy_label(frames, accuracies, "Accuracy"))
        lowest = above
        if has_loss:
            lowest = panels[index // across * 2 + 1, index % across]
            draw_loss(lowest, row, curve)
        lowest.set_xlabel("epoch")
        lowest.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    for spare in (
        panels.T.reshape(-1)[:0] if len(runs) % across == 0 else panels[-len(ratios) :, -1]
    ):
        spare.remove()
    add_legend(figure, panels[0, 0])
    return figure


def select_trials(table: pd.DataFrame, trials: Sequence[str]) -> pd.DataFrame:
    """Return the trials to show.

    Raises:
        InputError: If there are no such trials, or too many.
    """
    if not trials:
        each = [select_best(rows, 1) for _, rows in table.groupby("study", observed=True)]
        chosen = pd.concat(each)
    else:
        chosen = table[table["trial_id"].isin(list(trials))]
        if missing := sorted(set(trials) - set(chosen["trial_id"])):
            raise InputError([
                f"trials: expected trials with an accuracy, got {', '.join(missing)}."
            ])
    if len(chosen) > MAX_TRIALS:
        raise InputError([
            f"expected at most {MAX_TRIALS} trials side by side, got {len(chosen)}; load fewer "
            "studies or name trials=."
        ])
    return chosen


def select_run(frames: Frames, row: Row) -> pd.DataFrame:
    """Return the epochs of the run whose epoch was selected.

    Raises:
        InputError: If there are fewer than two.
    """
    epochs = frames.epochs
    mine = epochs[(epochs["study"] == row["study"]) & (epochs["trial_id"] == row["trial_id"])]
    if "level" in mine and not pd.isna(row.get("level")):
        mine = mine[mine["level"] == row["level"]]
    mine = mine.sort_values("epoch")
    some = [name for name in [*CURVE_LABELS, "train_loss"] if name in mine]
    curve = mine[["epoch"]].assign(**{
        name: numeric_column(mine, name, mine.index) for name in some
    })
    curve = pd.DataFrame(curve.dropna(axis="columns", how="all"))
    if len(curve) < 2 or "val_robust_accuracy" not in curve:
        raise InputError([
            f"expected at least 2 epochs with a robust accuracy, got {len(curve)} of trial "
            f"{row['trial_id']} in {row['study']}."
        ])
    return curve


def draw_accuracies(axes: Axes, row: Row, curve: pd.DataFrame, label: str) -> None:
    """Draw accuracies and mark the selected epoch."""
    for index, (name, text) in enumerate(CURVE_LABELS.items()):
        if name in curve:
            axes.plot(
                curve["epoch"],
                100 * curve[name],
                color=COLOURS[index],
                linestyle=DASHES[index],
                label=text,
            )
    epoch = int(row["best_epoch"])
    axes.axvline(epoch, color=GREY, linewidth=0.7, linestyle=":")
    axes.plot(
        [epoch], [row["robust"]], "o", color=COLOURS[0], markeredgecolor=BLACK, label="selected"
    )
    axes.set_ylabel(label)
    axes.set_title(
        shorten_word(f"{row['study']}, trial {row['trial_id']}", MAX_TITLE_LENGTH)
        + f"\nn = 1, epoch {epoch}: {row['robust']:.1f} % robust, last: {row['last']:.1f} %"
    )


def draw_loss(axes: Axes, row: Row, curve: pd.DataFrame) -> None:
    """Draw the training loss and mark the selected epoch."""
    if "train_loss" in curve:
        axes.plot(curve["epoch"], curve["train_loss"], color=BLACK)
    axes.axvline(int(row["best_epoch"]), color=GREY, linewidth=0.7, linestyle=":")
    axes.set_ylabel("training loss\n(nats)")
