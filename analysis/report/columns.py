"""The columns of the table of trials: their headings and units."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from analysis.frames import Frames
from analysis.report.trials import CLEAN, QUESTION

ColumnKind = Literal["text", "number", "percent", "points"]
"""`percent` and `points` are fractions in [0, 1] that are printed as 100 times as much."""
HEADINGS: dict[str, tuple[str, ColumnKind]] = {
    "study": ("study", "text"),
    "trial_id": ("trial", "text"),
    "status": ("status", "text"),
    QUESTION: ("threat and data", "text"),
    "val_robust_accuracy": ("robust %", "percent"),
    "val_clean_accuracy": ("clean %", "percent"),
    "last_val_robust_accuracy": ("last robust %", "percent"),
    "robust_overfitting": ("overfitting, points", "points"),
    "best_epoch": ("best epoch", "number"),
    "epochs": ("epochs", "number"),
    "level": ("level", "number"),
    "seconds": ("seconds", "number"),
    "gradient_passes": ("gradient passes", "number"),
    "collapsed_at": ("collapsed at update", "number"),
    "micro_batch": ("micro-batch", "number"),
    "seed": ("seed", "number"),
    "configuration": ("configuration", "text"),
    "mean": ("mean robust % over seeds", "percent"),
    "std": ("std over seeds, points", "points"),
    "n": ("seeds", "number"),
    "probability_best": ("probability best %", "percent"),
    "pareto": ("on the front", "text"),
    "feasible": ("satisfies the constraint", "text"),
    "error": ("error", "text"),
}
"""Columns of `trials` in the order of the table; knobs stand after the accuracies."""
ALWAYS_SHOWN = {"trial_id", "status", "val_robust_accuracy", "val_clean_accuracy", "epochs"}
"""Columns that are shown even where all trials have the same there."""
MAX_ERROR_LENGTH = 300
"""Characters of an error in the table; all of it stands among the trials that ended early."""


@dataclass(frozen=True, kw_only=True)
class TrialColumn:
    """A column of the table.

    Attributes:
        key: Its name in `trials`.
        title: Its heading.
        kind: How its values are printed and compared.
        knob: Whether it is a knob.
        values: One per trial; `None`: missing.
    """

    key: str
    title: str
    kind: ColumnKind
    knob: bool
    values: list[str | float | None]


def build_columns(frames: Frames) -> list[TrialColumn]:
    """Return the columns of the table, without those that are equal for all trials."""
    return [
        build_column(frames.trials[key], knob=key in frames.knobs)
        for key in order_columns(frames)
        if key in ALWAYS_SHOWN or has_several_values(frames.trials[key])
    ]


def order_columns(frames: Frames) -> Iterator[str]:
    """Yield the names of columns, knobs after the accuracies of the selected epoch."""
    known = [name for name in HEADINGS if name in frames.trials]
    first = known.index(CLEAN) + 1
    yield from known[:first]
    yield from (knob for knob in frames.knobs if knob in frames.trials)
    yield from known[first:]


def has_several_values(values: pd.Series) -> bool:
    """Return whether the values of trials differ."""
    return values.nunique(dropna=False) > 1


def build_column(values: pd.Series, *, knob: bool) -> TrialColumn:
    """Return a column of `trials` as a column of the table."""
    key = str(values.name)
    title, kind = (key, infer_kind(values)) if knob else HEADINGS[key]
    show = format_text if kind == "text" else round_number
    pairs = zip(values.tolist(), values.isna().tolist(), strict=True)
    return TrialColumn(
        key=key,
        title=title,
        kind=kind,
        knob=knob,
        values=[None if missing else show(value) for value, missing in pairs],
    )


def infer_kind(values: pd.Series) -> ColumnKind:
    """Return how a knob is printed: as a number if all its values are numbers."""
    present: Sequence[object] = values.dropna().tolist()
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in present)
    return "number" if numbers and len(present) else "text"


def format_text(value: object) -> str:
    """Return a value as text.

    >>> format_text(True), format_text("relu"), format_text("x" * 400)[-4:]
    ('yes', 'relu', 'x...')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value)
    return text if len(text) <= MAX_ERROR_LENGTH else text[:MAX_ERROR_LENGTH] + "..."


def round_number(value: float, digits: int = 6) -> float | int | None:
    """Return a number to a few significant digits; `None` if it is not finite.

    >>> round_number(50.0), round_number(0.00012345678), round_number(float("inf"))
    (50, 0.000123457, None)
    """
    rounded = float(f"{value:.{digits}g}")
    if rounded - rounded != 0:
        return None
    return int(rounded) if rounded.is_integer() else rounded
