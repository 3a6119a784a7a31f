"""State of a running study from its event log, which is newer than its frames."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pandas as pd

from analysis.frames import Frames, Study, add_study_column, join_frames
from analysis.loading import error_reason
from analysis.missing_trials import find_missing_trials
from trainables.errors import InputError
from trainables.training.constraint import parse_constraint
from tuner.layout import EVENT_LOG_FILE
from tuner.storage.event_reader import load_events
from tuner.storage.frames import epochs_frame, trials_frame
from tuner.storage.remote_copy import ADDRESS_FILE
from tuner.storage.safe_files import is_locked

MIN_SILENCE = 60.0
"""Seconds of silence that are never a bad sign."""
SILENT_EPOCHS = 5.0
"""How many times the longest epoch so far a study may be silent."""
CUT_OFF_STATUS = "cut off"
"""The status of a trial that was under way when its search ended."""
RESUME_HINT = "The same command with resume=auto resumes it."


@dataclass(frozen=True, kw_only=True)
class LiveStatus:
    """Progress of a study.

    Attributes:
        n_running: Trials under way.
        n_begun: Trials that have begun, first seeds only.
        n_requested: Trials that it is to have, if it says so.
        longest_epoch: Seconds of its longest epoch.
        last_write: When it last wrote to its event log, in seconds since 1970.
        is_alive: Whether a search holds the lock of its event log; `None`: unknown, the search may
            run on another machine.
    """

    n_running: int
    n_begun: int
    n_requested: int | None
    longest_epoch: float
    last_write: float
    is_alive: bool | None = None

    def describe(self, now: float | None = None) -> str:
        """Return the progress as a sentence or two.

        Args:
            now: Seconds since 1970; `None`: now.
        """
        silence = max(0.0, (time.time() if now is None else now) - self.last_write)
        since = timedelta(seconds=round(silence))
        of = f"{self.n_begun} of {self.n_requested}" if self.n_requested else f"{self.n_begun}"
        begun = f"{of} trials have begun, {self.n_running} not ended"
        if (
            not (self.is_alive or self.n_running)
            and self.n_requested
            and self.n_begun >= self.n_requested
        ):
            return f"Ended: all {self.n_requested} trials have; last heard {since} ago."
        if self.is_alive is False:
            return f"Ended early: {begun}; last heard {since} ago. {RESUME_HINT}"
        if silence > max(MIN_SILENCE, SILENT_EPOCHS * self.longest_epoch):
            end = (
                "it still runs."
                if self.is_alive
                else f"the search was ended, or has died. {RESUME_HINT}"
            )
            return f"Nothing heard for {since}; {begun}: {end}"
        return (
            f"Running: {self.n_running} trials under way, {of} have begun; last heard {since} ago."
        )


def add_running_trials(frames: Frames) -> tuple[Frames, dict[str, LiveStatus]]:
    """Return the frames with the newer state from their event logs, and the progress of each.

    Trials under way get a row with the status "running", or "cut off" where their search has ended;
    what only frames say, such as the mean over seeds, stays as it was when they were written. A
    study without an event log, for example one read from external logs, stays as it is.
    """
    parts, pulses, problems = list[Frames](), dict[str, LiveStatus](), list(frames.problems)
    for name, study in frames.studies.items():
        own = select_study(frames, study)
        if study.folder is None:
            parts.append(own)
            continue
        try:
            trials, epochs, pulses[name] = read_event_log(study, study.folder, own)
        except (InputError, OSError, ValueError, KeyError, TypeError) as error:
            problems.append(f"{name}: {EVENT_LOG_FILE} cannot be read ({error_reason(error)}).")
            parts.append(own)
            continue
        stale = {f"{name}: {gap}" for gap in find_missing_trials(own, study.description)}
        problems = [problem for problem in problems if problem not in stale]
        ahead = {name: replace(study, knobs=list_current_knobs(study, trials))}
        trials, epochs = add_study_column(trials, name), add_study_column(epochs, name)
        parts.append(replace(own, studies=ahead, trials=trials, epochs=epochs))
    return join_frames(parts, problems), pulses


def select_study(frames: Frames, study: Study) -> Frames:
    """Return the frames of one study among several, without their problems."""
    own = (frames.trials, frames.epochs, frames.evaluation)
    trials, epochs, evaluation = (
        add_study_column(frame[frame["study"] == study.name], study.name) for frame in own
    )
    return Frames(studies={study.name: study}, trials=trials, epochs=epochs, evaluation=evaluation)


def read_event_log(
    study: Study, folder: Path, frames: Frames
) -> tuple[pd.DataFrame, pd.DataFrame, LiveStatus]:
    """Return trials and epochs from the event log of a study, and its progress."""
    heard = (folder / EVENT_LOG_FILE).stat().st_mtime
    settings = study.description.get("study") or {}
    bound = settings.get("constraint")
    records, _ = load_events(folder, parse_constraint(bound) if bound else None)
    paths = list(dict.fromkeys(path for record in records.values() for path in record.knobs))
    each = [records[number] for number in sorted(records)]
    trials = trials_frame(each, paths, folder, include_running=True)
    if (living := is_search_alive(folder, settings)) is False:
        trials["status"] = trials["status"].replace("running", CUT_OFF_STATUS)
    pulse = LiveStatus(
        n_running=sum(record.status == "running" for record in each),
        n_begun=len({record.configuration_id for record in each}),
        n_requested=settings.get("trials"),
        longest_epoch=max(
            (report.seconds for record in each for report in record.reports), default=0.0
        ),
        last_write=heard,
        is_alive=living,
    )
    return add_frame_columns(trials, frames.trials), epochs_frame(each), pulse


def is_search_alive(folder: Path, settings: Mapping[str, object]) -> bool | None:
    """Return whether a search holds the lock of a study's event log.

    Args:
        folder: The results folder.
        settings: What its `search.yaml` says of the study.

    Returns:
        `None`: unknown, since the search may run on another machine.
    """
    if is_locked(folder / EVENT_LOG_FILE):
        return True
    return None if settings.get("address") or (folder / ADDRESS_FILE).exists() else False


def add_frame_columns(trials: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Return trials with the columns that only frames have, as they were when last written."""
    more = [key for key in before if key not in trials and key != "study"]
    if not more:
        return trials
    return trials.merge(before[["trial_id", *more]], on="trial_id", how="left")


def list_current_knobs(study: Study, trials: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns that are knobs, now that there are more trials."""
    columns: Sequence[str] = list(trials.columns)
    found: Iterable[str] = columns[2 : columns.index("best_epoch")]
    return tuple(dict.fromkeys([*study.knobs, *found]))


def describe_statuses(pulses: Mapping[str, LiveStatus], now: float | None = None) -> str:
    """Return the progress of studies, with their names if there are several."""
    if not pulses:
        return "There is no event log of a search to follow."
    if len(pulses) == 1:
        return next(iter(pulses.values())).describe(now)
    return " ".join(f"{name}: {pulse.describe(now)}" for name, pulse in pulses.items())
