"""Trials that did not run to the end, with the reason."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from analysis.frames import Frames
from analysis.report.summary import percent
from analysis.report.underway import CUT_OFF
from analysis.savings import savings

REASONS = {
    "stopped": "its scheduler stopped it, or the search ended first",
    "diverged": "its training loss was no longer finite",
    "failed": "it raised an error",
    "running": "it is under way",
    CUT_OFF: "the search ended while it was under way",
}
COLLAPSED = "collapsed"
"""Not a status: what the sentinel ended."""
ORDER = ("failed", "diverged", COLLAPSED, "stopped", CUT_OFF, "running")


AT_BEST = "had they gained as much as the trial that gained most from there on"


def endings(frames: Frames) -> dict[str, list[dict[str, Any]]]:
    """Return the trials that ended early by how they did, those that failed first.

    Returns:
        From failed, diverged, collapsed, stopped, cut off and running, as far as there are any, to
        rows with `trial`, `study`, `epochs`, `robust` and `reason`.
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


def stopping(frames: Frames) -> list[str]:
    """Return, study by study, what stopping trials early saved, and what it might have cost."""
    rows = savings(frames).to_dict("records")
    return [sentence(row, named=len(rows) > 1) for row in rows if row["stopped"]]


def sentence(row: dict[Any, Any], *, named: bool) -> str:
    """Return what stopping did to one study.

    Args:
        row: Of `analysis.savings.savings`.
        named: Whether the study is to be named.
    """
    share, doubt = row["share_saved"], row["in_doubt"]
    saved = f"saved {100 * share:.0f} %" if share >= 0 else f"took {-100 * share:.0f} % more"
    costs = f"none of the stopped would have caught up with the leader, {AT_BEST}"
    if doubt:
        costs = (
            f"{doubt} of the stopped might have beaten the leader, by "
            f"{100 * row['might_have_cost']:.1f} points at the most, {AT_BEST}"
        )
    name = f"{row['study']}: " if named else ""
    unknown = f"; of {row['unknown']} nothing can be said" if row["unknown"] else ""
    return (
        f"{name}{row['stopped']} of {row['trials']} trials were "
        f"stopped, which {saved} of the epochs of running all to the end. An estimate, no bound: "
        f"{costs}{unknown}."
    )


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
