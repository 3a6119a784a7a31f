"""Trials that did not run to the end, with the reason."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.frames import Frames
from analysis.report.summary import percent

REASONS = {
    "stopped": "its scheduler stopped it, or the search ended first",
    "diverged": "its training loss was no longer finite",
    "failed": "it raised an error",
    "running": "it is under way",
}
COLLAPSED = "collapsed"
"""Not a status: what the sentinel ended."""
ORDER = ("failed", "diverged", COLLAPSED, "stopped", "running")


def endings(frames: Frames) -> dict[str, list[dict[str, Any]]]:
    """Return the trials that ended early by how they did, those that failed first.

    Returns:
        From failed, diverged, collapsed, stopped and running, as far as there are any, to rows with
        `trial`, `study`, `epochs`, `robust` and `reason`.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, row in kinds(frames.trials):
        found.setdefault(kind, []).append({
            "study": row["study"],
            "trial": row["trial_id"],
            "epochs": row.get("epochs"),
            "robust": percent(row["val_robust_accuracy"])
            if pd.notna(row["val_robust_accuracy"])
            else "none",
            "reason": reason(kind, row),
        })
    return {kind: found[kind] for kind in [*ORDER, *found] if kind in found}


def kinds(trials: pd.DataFrame) -> Iterator[tuple[str, dict[Any, Any]]]:
    """Yield each trial that was not completed, and how it ended."""
    for row in trials[trials["status"] != "completed"].to_dict("records"):
        collapsed = row.get("collapsed_at")
        yield COLLAPSED if pd.notna(collapsed) and collapsed else row["status"], row


def reason(kind: str, row: dict[Any, Any]) -> str:
    """Return why a trial ended."""
    if kind == COLLAPSED:
        return f"after {row['collapsed_at']} updates PGD fooled it where one step did not"
    error = row.get("error")
    return str(error) if isinstance(error, str) and error else REASONS.get(kind, kind)
