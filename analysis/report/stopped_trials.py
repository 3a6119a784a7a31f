"""Trials that did not run to the end, with the reason."""

from collections.abc import Iterator

import pandas as pd

from analysis.early_stopping_savings import estimate_savings
from analysis.frames import Frames, Study
from analysis.report.running_study import CUT_OFF_STATUS, read_event_log, select_study
from analysis.report.summary import format_percent
from trainables.errors import InputError
from tuner.layout import EVENT_LOG_FILE
from tuner.storage.frames import Row
from tuner.storage.safe_files import is_locked

REASONS = {
    "stopped": "its scheduler stopped it, or the search ended first",
    "diverged": "its training loss was no longer finite",
    "failed": "it raised an error",
    "running": "it is under way",
    CUT_OFF_STATUS: "the search ended while it was under way",
}
COLLAPSED = "collapsed"
"""Not a status: stopped by the detector of catastrophic overfitting."""
KIND_ORDER = ("failed", "diverged", COLLAPSED, "stopped", CUT_OFF_STATUS, "running")
STILL_RUNNING = "what stopping trials saves is estimated when the search has ended."
INTERRUPTED = "the search was interrupted, so nothing is known of what stopping trials saves."
ASSUMPTION = "had they gained as much as the trial that gained most from there on"


def group_stopped_trials(frames: Frames) -> dict[str, list[dict[str, object]]]:
    """Return the trials that ended early, grouped by status, failed ones first.

    Returns:
        From failed, diverged, collapsed, stopped, cut off and running, as far as there are any, to
        rows with `trial`, `study`, `epochs`, `robust` and `reason`.
    """
    found: dict[str, list[dict[str, object]]] = {}
    for kind, row in classify_trials(frames.trials):
        found.setdefault(kind, []).append({
            "study": row["study"],
            "trial": row["trial_id"],
            "epochs": "" if pd.isna(epochs := row.get("epochs")) else int(epochs),
            "robust": format_percent(row["val_robust_accuracy"])
            if pd.notna(row["val_robust_accuracy"])
            else "none",
            "reason": explain_ending(kind, row),
        })
    return {kind: found[kind] for kind in [*KIND_ORDER, *found] if kind in found}


def describe_savings(frames: Frames) -> list[str]:
    """Return for each study what early stopping saved, and the accuracy it may have lost."""
    rows = estimate_savings(frames).to_dict("records")
    several = len(rows) > 1
    return [
        f"{row['study']}: {reason}"
        if (reason := why_unknown(frames, frames.studies[row["study"]]))
        else format_savings(row, with_name=several)
        for row in rows
        if row["stopped"]
    ]


def is_running(frames: Frames, study: Study) -> bool:
    """Return whether a study is running: its event log is locked, or a trial has not ended."""
    status = frames.trials.loc[frames.trials["study"] == study.name, "status"]
    held = study.folder is not None and is_locked(study.folder / EVENT_LOG_FILE)
    return held or bool((status == "running").any())


def why_unknown(frames: Frames, study: Study) -> str:
    """Return why the savings of a study are unknown; empty if they are known."""
    if is_running(frames, study):
        return STILL_RUNNING
    return INTERRUPTED if was_interrupted(frames, study) else ""


def was_interrupted(frames: Frames, study: Study) -> bool:
    """Return whether a study ended with running or unstarted trials."""
    own = select_study(frames, study)
    if (own.trials["status"] == CUT_OFF_STATUS).any():
        return True
    requested = (study.description.get("study") or {}).get("trials")
    first = own.trials.get("configuration", own.trials["trial_id"])
    if requested and first.fillna(own.trials["trial_id"]).nunique() < requested:
        return True
    if study.folder is None or not (study.folder / EVENT_LOG_FILE).is_file():
        return False
    try:  # frames call the trials under way "stopped"
        return bool(read_event_log(study, study.folder, own)[2].n_running)
    except (InputError, OSError, ValueError, KeyError, TypeError):
        return False


def format_savings(row: Row, *, with_name: bool) -> str:
    """Return the savings of one study as text.

    Args:
        row: Of `analysis.early_stopping_savings.savings`.
        with_name: Whether the study is to be named.
    """
    share, doubt = row["share_saved"], row["in_doubt"]
    saved = f"saved {100 * share:.0f} %" if share >= 0 else f"took {-100 * share:.0f} % more"
    costs = f"none of the stopped would have caught up with the leader, {ASSUMPTION}"
    if doubt:
        costs = (
            f"{doubt} of the stopped might have beaten the leader, by "
            f"{100 * row['might_have_cost']:.1f} points at the most, {ASSUMPTION}"
        )
    name = f"{row['study']}: " if with_name else ""
    unknown = f"; of {row['unknown']} nothing can be said" if row["unknown"] else ""
    return (
        f"{name}{row['stopped']} of {row['trials']} trials were "
        f"stopped, which {saved} of the epochs of running all to the end. An estimate, no bound: "
        f"{costs}{unknown}."
    )


def classify_trials(trials: pd.DataFrame) -> Iterator[tuple[str, Row]]:
    """Yield each trial that was not completed, and how it ended."""
    for row in trials[trials["status"] != "completed"].to_dict("records"):
        collapsed = row.get("collapsed_at")
        yield COLLAPSED if pd.notna(collapsed) and collapsed else row["status"], row


def explain_ending(kind: str, row: Row) -> str:
    """Return why a trial ended."""
    if kind == COLLAPSED:
        return f"after {row['collapsed_at']} updates PGD succeeded where one step failed"
    error = row.get("error")
    return str(error) if isinstance(error, str) and error else REASONS.get(kind, kind)
