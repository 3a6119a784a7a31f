"""Missing and failed trials of a study."""

from collections.abc import Iterator, Sequence

from analysis.frames import Frames
from tuner.storage.search_yaml import SearchYaml


def find_missing_trials(frames: Frames, description: SearchYaml) -> Iterator[str]:
    """Yield messages on missing, running and failed trials, with their number and names."""
    ended, reported = (set(frame["trial_id"].unique()) for frame in (frames.trials, frames.epochs))
    if running := sorted(reported - ended):
        yield f"{format_trials(running)} still running, or interrupted."
    status = frames.trials.set_index("trial_id")["status"]
    failed = sorted(status.index[status == "failed"])
    if unreported := sorted(ended - reported - set(failed)):
        yield f"{format_trials(unreported)} without any epoch."
    if failed:
        yield f"{format_trials(failed)} failed."
    incomplete = frames.epochs.loc[frames.epochs["val_robust_accuracy"].isna(), "trial_id"]
    if len(incomplete) and len(incomplete) < len(frames.epochs):
        of = format_trials(list(incomplete.unique()))
        yield f"val_robust_accuracy is missing in {len(incomplete)} epochs of {of}."
    requested = description.get("study", {}).get("trials")
    started = {str(each).partition("s")[0] for each in ended | reported}
    if isinstance(requested, int) and len(started) < requested:
        yield f"{len(started)} of {requested} trials have started."


def format_trials(trials: Sequence[str], max_named: int = 5) -> str:
    """Return the number of trials and the names of the first few.

    >>> format_trials(["0003"]), format_trials(["a", "b", "c"], max_named=2)
    ('1 trial (0003)', '3 trials (a, b, ...)')
    """
    names = ", ".join([*trials[:max_named], *["..."][: len(trials) > max_named]])
    return f"{len(trials)} trial{'s' * (len(trials) != 1)} ({names})"
