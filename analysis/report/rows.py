"""The trials of the page: those that have ended and those that have not, selected in one way."""

from dataclasses import replace

from analysis.frames import TRIAL_KEYS, Frames
from analysis.selection import select_epochs


def add_selected_epochs(frames: Frames) -> Frames:
    """Return frames with a row for every trial, whether it has ended or not.

    Results are those of `analysis.selection.select_epochs`; other columns of `trials` are joined
    for trials that have ended.
    """
    rows = select_epochs(frames)
    rows["study"] = rows["study"].astype(frames.trials["study"].dtype)
    more = [key for key in frames.trials if key not in rows]
    rows = rows.merge(frames.trials[[*TRIAL_KEYS, *more]], on=TRIAL_KEYS, how="left")
    return replace(frames, trials=rows)
