"""Small studies made by hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from matplotlib.text import Text

from analysis.frames import Frames, Study, add_study_column

COLUMNS_AFTER_KNOBS = [
    "best_epoch", "level", "val_clean_accuracy", "val_robust_accuracy", "last_val_robust_accuracy",
    "collapsed_at", "seed",
]  # fmt: skip
NO_EVALUATION = pd.DataFrame(columns=["study", "trial_id", "attack"])


def trial_row(robust, clean=0.8, last=None, status="completed", seed=0, **knobs):
    """Return a row of `trials`; a knob's path is written with two underscores for its dot."""
    return {
        "status": status,
        **{path.replace("__", "."): value for path, value in knobs.items()},
        "best_epoch": 2,
        "level": 0,
        "val_clean_accuracy": clean,
        "val_robust_accuracy": robust,
        "last_val_robust_accuracy": robust if last is None else last,
        "collapsed_at": 7 if status == "collapsed" else None,
        "seed": seed,
    } | ({"status": "stopped"} if status == "collapsed" else {})


def study_frames(
    rows: Sequence[Mapping[str, object]],
    said: Mapping[str, object] | None = None,
    curves: Mapping[str, Sequence[float]] | None = None,
    evaluation: pd.DataFrame = NO_EVALUATION,
    name: str = "made",
    epochs: pd.DataFrame | None = None,
) -> Frames:
    """Return the frames of one study, trials numbered from 0000."""
    ids = [f"{number:04d}" for number in range(len(rows))]
    trials = pd.DataFrame(
        [{"trial_id": i, **row} for i, row in zip(ids, rows, strict=True)],
        columns=None if rows else ["trial_id", "status", *COLUMNS_AFTER_KNOBS],
    )
    knobs = tuple(c for c in trials if c not in {"trial_id", "status", *COLUMNS_AFTER_KNOBS})
    if epochs is None:
        reports = [
            {"trial_id": i, "epoch": n, "level": 0, "train_loss": 2.0 / n,
             "val_clean_accuracy": 0.9, "val_robust_accuracy": accuracy}
            for i, curve in (curves or {}).items()
            for n, accuracy in enumerate(curve, start=1)
        ]  # fmt: skip
        columns = ["trial_id", "epoch", "level", "train_loss"]
        columns += ["val_clean_accuracy", "val_robust_accuracy"]
        epochs = pd.DataFrame(reports, columns=columns)
    return Frames(
        studies={name: Study(name=name, folder=Path(name), description=said or {}, knobs=knobs)},
        trials=add_study_column(trials, name),
        epochs=add_study_column(epochs, name),
        evaluation=add_study_column(evaluation, name),
    )


def find_line(axes, label):
    """Return x and y of the line or points that a legend calls `label`."""
    handles, labels = axes.get_legend_handles_labels()
    found = handles[labels.index(label)]
    drawn = found[0] if isinstance(found, tuple) else found
    return list(drawn.get_xdata()), list(drawn.get_ydata())


def collect_text(figure):
    """Return everything that is written in a figure."""
    return " | ".join(t.get_text() for t in figure.findobj(Text) if t.get_text())
