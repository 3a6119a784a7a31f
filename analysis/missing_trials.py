"""Which trials of a study are missing, or came to nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.frames import Frames


def find_missing_trials(frames: Frames, description: Mapping[str, Any]) -> Iterator[str]:
    """Yield what trials are missing or came to nothing, counted and named."""
    ended, reported = (set(frame["trial_id"].unique()) for frame in (frames.trials, frames.epochs))
    if running := sorted(reported - ended):
        yield f"{format_trials(running)} still running, or cut off."
    status = frames.trials.set_index("trial_id")["status"]
    failed = sorted(status.index[status == "failed"])
    if silent := sorted(ended - reported - set(failed)):
        yield f"{format_trials(silent)} without any epoch."
    if failed:
        yield f"{format_trials(failed)} failed."
    lost = frames.epochs.loc[frames.epochs["val_robust_accuracy"].isna(), "trial_id"]
    if len(lost) and len(lost) < len(frames.epochs):
        of = format_trials(list(lost.unique()))
        yield f"val_robust_accuracy is missing in {len(lost)} epochs of {of}."
    asked = description.get("study", {}).get("trials")
    begun = {str(each).partition("s")[0] for each in ended | reported}
    if isinstance(asked, int) and len(begun) < asked:
        yield f"{len(begun)} of {asked} trials have begun."


def format_trials(trials: Sequence[str], max_named: int = 5) -> str:
    """Return how many trials, and which, the first few by name.

    >>> format_trials(["0003"]), format_trials(["a", "b", "c"], max_named=2)
    ('1 trial (0003)', '3 trials (a, b, ...)')
    """
    shown = ", ".join([*trials[:max_named], *["..."][: len(trials) > max_named]])
    return f"{len(trials)} trial{'s' * (len(trials) != 1)} ({shown})"
