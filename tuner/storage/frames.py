"""Build the rows of `trials.parquet` and `epochs.parquet` from trial records."""

import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import NoneType
from typing import Any

import pandas as pd

from trainables.training.report import Report
from tuner.layout import BALANCED_COLUMNS, RAW_COLUMNS, TRIAL_COLUMNS
from tuner.state.trial import Record

Row = Mapping[Hashable, Any]
"""A row of a frame, as pandas returns it: name of the column to value."""


def trials_frame(
    records: Iterable[Record], knobs: Sequence[str], folder: Path, *, include_running: bool = False
) -> pd.DataFrame:
    """Return a frame with one row per ended trial.

    Args:
        records: The trials, in the order of the rows.
        knobs: Columns of the knobs, which distinguish the trials.
        folder: The results folder.
        include_running: Whether running trials get a row too.
    """
    rows = [
        trial_row(record, folder)
        for record in records
        if include_running or record.status != "running"
    ]
    frame = pd.DataFrame(rows, columns=["trial_id", "status", *knobs, *list(TRIAL_COLUMNS)[2:]])
    return frame.astype(TRIAL_COLUMNS)


def trial_row(record: Record, folder: Path) -> dict[str, object]:
    """Return a trial as a row of `trials`."""
    best, last = record.best_report, record.last_report
    scalar_types = (bool, int, float, NoneType)
    knobs = {k: v if isinstance(v, scalar_types) else str(v) for k, v in record.knobs.items()}
    metrics = {}
    if best and last:
        metrics = {
            "best_epoch": best.epoch,
            "level": best.level,
            "val_clean_accuracy": best.val_clean_accuracy,
            "val_robust_accuracy": best.val_robust_accuracy,
            "val_balanced_clean_accuracy": best.val_balanced_clean_accuracy,
            "val_balanced_robust_accuracy": best.val_balanced_robust_accuracy,
            "last_val_robust_accuracy": last.val_robust_accuracy,
            "robust_overfitting": best.val_robust_accuracy - last.val_robust_accuracy,
        }
    return {
        "trial_id": record.trial_id,
        "status": record.status,
        **knobs,
        **metrics,
        "collapsed_at": record.collapsed_at or None,
        "epochs": len(record.reports),
        "seconds": record.seconds,
        "gradient_passes": last.gradient_passes if last else 0.0,
        "micro_batch": last.micro_batch if last else None,
        "seed": record.seed,
        "checkpoint": os.path.relpath(record.checkpoint, folder) if record.checkpoint else "",
        "error": record.error,
    }


def epochs_frame(records: Iterable[Record]) -> pd.DataFrame:
    """Return a frame with one row per epoch of each trial."""
    pairs = [(record.trial_id, report) for record in records for report in record.reports]
    # column by column: one dict per row takes gigabytes for a million epochs
    columns: dict[str, object] = {"trial_id": [number for number, _ in pairs]}
    sparse = (*BALANCED_COLUMNS, *RAW_COLUMNS, "average_horizons")
    types = {"micro_batch": "Int64"} | dict.fromkeys(sparse, "float64")
    for field in fields(Report):
        columns[field.name] = pd.Series(
            [getattr(report, field.name) for _, report in pairs], dtype=types.get(field.name)
        )
    return pd.DataFrame(columns)
