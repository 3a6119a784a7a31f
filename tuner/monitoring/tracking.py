"""A study as TensorBoard and others are told of it: one run a trial, which says what we say."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from trainables.hparams import registry
from trainables.training.report import Report
from tuner.config.settings import TRACKERS_PACKAGE
from tuner.state.trial import Record


class TrackerRun(Protocol):
    """Where the epochs of one trial are written down."""

    def report(self, step: int, values: Mapping[str, float]) -> None:
        """Write an epoch down; steps ascend."""

    def end(self, *, failed: bool) -> None:
        """Close it."""


class Tracker(Protocol):
    """Where the trials of a study are written down."""

    def begin(self, trial: str, knobs: Mapping[str, object]) -> TrackerRun:
        """Return the run of a trial, empty, whatever had been written of that trial before."""


def check_trackers(trackers: Sequence[str]) -> Iterator[str]:
    """Yield which trackers cannot be had, or need a package that is not installed."""
    for name in trackers:
        try:
            package = getattr(registry.load_member(TRACKERS_PACKAGE, name), "REQUIRES", None)
        except LookupError as error:
            yield f"tracker: {error.args[0]}"
            continue
        if package and find_spec(package) is None:
            yield (
                f"tracker: {name} needs the package {package}, which is not installed; write "
                f"uv run --extra {name} python -m ..., or leave {name} out."
            )


@dataclass
class LoggedRun:
    """The run of a trial, and what stands in it."""

    run: TrackerRun
    reports: list[Report] = field(default_factory=list)

    def is_continued_by(self, record: Record) -> bool:
        """Return whether the trial has gone on from what stands here, rather than from elsewhere.

        One that takes over from another has that one's epochs from then on.
        """
        return record.reports[: len(self.reports)] == self.reports

    def log_new_reports(self, record: Record) -> None:
        """Write down what the trial has reported since."""
        for step, report in enumerate(record.reports, start=1):
            if step > len(self.reports):
                self.reports.append(report)
                self.run.report(step, numeric_metrics(report))


class TrackerSet:
    """Tells trackers of every trial; one that fails is told nothing more, and the study goes on.

    The run of a trial that is taken up again is written anew, so that no epoch stands in it twice.
    """

    def __init__(self, trackers: Sequence[str], folder: Path, warn: Callable[[str], None]) -> None:
        """Open the trackers.

        Args:
            trackers: Their names.
            folder: The results folder.
            warn: Called with what keeps one from going on.
        """
        self.warn = warn
        self.trackers: dict[str, Tracker] = {}
        self.open_runs: dict[tuple[str, str], LoggedRun] = {}
        for name in trackers:
            with self.disable_on_error(name):
                self.trackers[name] = registry.load_member(TRACKERS_PACKAGE, name).build(
                    folder=folder
                )

    @contextmanager
    def disable_on_error(self, name: str) -> Iterator[None]:
        """Let go of a tracker that fails while inside."""
        try:
            yield
        except Exception as error:  # a server, a disk or a user's file can fail in any way
            self.trackers.pop(name, None)
            self.open_runs = {key: each for key, each in self.open_runs.items() if key[0] != name}
            self.warn(f"tracker: {name} is told nothing more ({type(error).__name__}: {error}).")

    def on_trial_change(self, record: Record) -> None:
        """Write down what is new of a trial."""
        for name, tracker in [*self.trackers.items()]:
            with self.disable_on_error(name):
                written = self.open_runs.get((name, record.trial_id))
                if written is None or not written.is_continued_by(record):
                    if written:
                        written.run.end(failed=False)
                    written = LoggedRun(tracker.begin(record.trial_id, record.knobs))
                    self.open_runs[name, record.trial_id] = written
                written.log_new_reports(record)
                if record.status != "running":
                    written.run.end(failed=record.status == "failed")
                    del self.open_runs[name, record.trial_id]

    def close(self) -> None:
        """Close the runs of trials that were cut off."""
        for (name, trial), written in [*self.open_runs.items()]:
            with self.disable_on_error(name):
                written.run.end(failed=False)
                self.open_runs.pop((name, trial), None)


def numeric_metrics(report: Report) -> dict[str, float]:
    """Return the numbers of an epoch."""
    return {key: float(value) for key, value in asdict(report).items() if value is not None}
