"""A running study as its account tells it, which is ahead of its frames."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.frames import Frames, Study, joined, named
from analysis.gaps import gaps
from analysis.reading import reason
from trainables.constraint import constraint
from trainables.problems import InputError
from tuner.history import told
from tuner.journal import FILE
from tuner.lock import held
from tuner.rows import epochs_frame, trials_frame
from tuner.working_copy import MARK

PATIENCE = 60.0
"""Seconds of silence that are never a bad sign."""
EPOCHS = 5.0
"""How many times the longest epoch so far a study may be silent."""
CUT_OFF = "cut off"
"""The status of a trial that was under way when its search ended."""
AGAIN = "The same command with resume=auto takes it up."


@dataclass(frozen=True, kw_only=True)
class Pulse:
    """How far a study has come.

    Attributes:
        running: Trials under way.
        begun: Trials that have begun, first seeds only.
        asked: Trials that it is to have, if it says so.
        longest: Seconds of its longest epoch.
        heard: When it last wrote to its account, in seconds since 1970.
        alive: Whether a search holds its account; none if that cannot be known, for it may be one
            on another machine.
    """

    running: int
    begun: int
    asked: int | None
    longest: float
    heard: float
    alive: bool | None = None

    def said(self, now: float | None = None) -> str:
        """Return it as a sentence or two.

        Args:
            now: Seconds since 1970; the present if none.
        """
        silence = max(0.0, (time.time() if now is None else now) - self.heard)
        since = timedelta(seconds=round(silence))
        of = f"{self.begun} of {self.asked}" if self.asked else f"{self.begun}"
        begun = f"{of} trials have begun, {self.running} not ended"
        if not (self.alive or self.running) and self.asked and self.begun >= self.asked:
            return f"Ended: all {self.asked} trials have; last heard {since} ago."
        if self.alive is False:
            return f"Ended early: {begun}; last heard {since} ago. {AGAIN}"
        if silence > max(PATIENCE, EPOCHS * self.longest):
            end = "it still runs." if self.alive else f"the search was ended, or has died. {AGAIN}"
            return f"Nothing heard for {since}; {begun}: {end}"
        return f"Running: {self.running} trials under way, {of} have begun; last heard {since} ago."


def caught_up(frames: Frames) -> tuple[Frames, dict[str, Pulse]]:
    """Return the frames with what the accounts of studies add, and how far each has come.

    Trials under way get a row with the status "running", or "cut off" where their search has ended;
    what only frames say, such as the mean over seeds, stays as it was when they were written. A
    study without an account, such as one that was read from logs, stays as it is.
    """
    parts, pulses, problems = list[Frames](), dict[str, Pulse](), list(frames.problems)
    for name, study in frames.studies.items():
        own = of_study(frames, study)
        if study.folder is None:
            parts.append(own)
            continue
        try:
            trials, epochs, pulses[name] = account(study, study.folder, own)
        except (InputError, OSError, ValueError, KeyError, TypeError) as error:
            problems.append(f"{name}: {FILE} cannot be read ({reason(error)}).")
            parts.append(own)
            continue
        stale = {f"{name}: {gap}" for gap in gaps(own, study.said)}
        problems = [problem for problem in problems if problem not in stale]
        ahead = {name: replace(study, knobs=knobs(study, trials))}
        trials, epochs = named(trials, name), named(epochs, name)
        parts.append(replace(own, studies=ahead, trials=trials, epochs=epochs))
    return joined(parts, problems), pulses


def of_study(frames: Frames, study: Study) -> Frames:
    """Return the frames of one study among several, without their problems."""
    own = (frames.trials, frames.epochs, frames.evaluation)
    trials, epochs, evaluation = (
        named(frame[frame["study"] == study.name], study.name) for frame in own
    )
    return Frames(studies={study.name: study}, trials=trials, epochs=epochs, evaluation=evaluation)


def account(study: Study, folder: Path, own: Frames) -> tuple[pd.DataFrame, pd.DataFrame, Pulse]:
    """Return trials and epochs as the account of a study has them, and how far it has come."""
    heard = (folder / FILE).stat().st_mtime
    said = study.said.get("study") or {}
    bound = said.get("constraint")
    records, _ = told(folder, constraint(bound) if bound else None)
    paths = list(dict.fromkeys(path for record in records.values() for path in record.knobs))
    each = [records[number] for number in sorted(records)]
    trials = trials_frame(each, paths, folder, running=True)
    if (living := alive(folder, said)) is False:
        trials["status"] = trials["status"].replace("running", CUT_OFF)
    pulse = Pulse(
        running=sum(record.status == "running" for record in each),
        begun=len({record.configuration for record in each}),
        asked=said.get("trials"),
        longest=max((report.seconds for record in each for report in record.reports), default=0.0),
        heard=heard,
        alive=living,
    )
    return with_more(trials, own.trials), epochs_frame(each), pulse


def alive(folder: Path, said: Mapping[str, Any]) -> bool | None:
    """Return whether a search holds the account of a study.

    Args:
        folder: The results folder.
        said: What its `search.yaml` says of the study.

    Returns:
        None if nobody on this machine does, and the search may run on another.
    """
    if held(folder / FILE):
        return True
    return None if said.get("address") or (folder / MARK).exists() else False


def with_more(trials: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Return trials with the columns that only frames have, as they were when last written."""
    more = [key for key in before if key not in trials and key != "study"]
    if not more:
        return trials
    return trials.merge(before[["trial_id", *more]], on="trial_id", how="left")


def knobs(study: Study, trials: pd.DataFrame) -> tuple[str, ...]:
    """Return the columns that tell trials apart, now that there are more trials."""
    columns: Sequence[str] = list(trials.columns)
    found: Iterable[str] = columns[2 : columns.index("best_epoch")]
    return tuple(dict.fromkeys([*study.knobs, *found]))


def spoken(pulses: Mapping[str, Pulse], now: float | None = None) -> str:
    """Return how far studies have come, each by name where there are several."""
    if not pulses:
        return "There is no account of a search to follow."
    if len(pulses) == 1:
        return next(iter(pulses.values())).said(now)
    return " ".join(f"{name}: {pulse.said(now)}" for name, pulse in pulses.items())
