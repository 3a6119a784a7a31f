"""Which trials of a study are missing, or came to nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from analysis.frames import Frames


def gaps(frames: Frames, said: Mapping[str, Any]) -> Iterator[str]:
    """Yield what trials are missing or came to nothing, counted and named."""
    ended, reported = (set(frame["trial_id"].unique()) for frame in (frames.trials, frames.epochs))
    if running := sorted(reported - ended):
        yield f"{counted(running)} still running, or cut off."
    status = frames.trials.set_index("trial_id")["status"]
    failed = sorted(status.index[status == "failed"])
    if silent := sorted(ended - reported - set(failed)):
        yield f"{counted(silent)} without any epoch."
    if failed:
        yield f"{counted(failed)} failed."
    lost = frames.epochs.loc[frames.epochs["val_robust_accuracy"].isna(), "trial_id"]
    if len(lost) and len(lost) < len(frames.epochs):
        of = counted(list(lost.unique()))
        yield f"val_robust_accuracy is missing in {len(lost)} epochs of {of}."
    asked = said.get("study", {}).get("trials")
    begun = {str(each).partition("s")[0] for each in ended | reported}
    if isinstance(asked, int) and len(begun) < asked:
        yield f"{len(begun)} of {asked} trials have begun."


def counted(trials: Sequence[str], most: int = 5) -> str:
    """Return how many trials, and which, the first few by name.

    >>> counted(["0003"]), counted(["a", "b", "c"], most=2)
    ('1 trial (0003)', '3 trials (a, b, ...)')
    """
    shown = ", ".join([*trials[:most], *["..."][: len(trials) > most]])
    return f"{len(trials)} trial{'s' * (len(trials) != 1)} ({shown})"
