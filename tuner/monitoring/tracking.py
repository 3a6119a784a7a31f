"""Logging of a study to experiment trackers such as TensorBoard: one run per trial."""

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
    """The run of one trial in a tracker."""

    def report(self, step: int, values: Mapping[str, float]) -> None:
        """Log an epoch; steps ascend."""

    def end(self, *, failed: bool) -> None:
        """Close the run."""


class Tracker(Protocol):
    """An experiment tracker."""

    def begin(self, trial: str, knobs: Mapping[str, object]) -> TrackerRun:
        """Return a new run of a trial, in place of an earlier one."""


def check_trackers(trackers: Sequence[str]) -> Iterator[str]:
    """Yield problems of trackers: unknown names and missing packages."""
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
    """The run of a trial in a tracker, and the reports logged to it."""

    run: TrackerRun
    reports: list[Report] = field(default_factory=list)

    def is_continued_by(self, record: Record) -> bool:
        """Return whether the trial's reports continue those that are logged.

        They do not if the trial has resumed from the checkpoint of another trial.
        """
        return record.reports[: len(self.reports)] == self.reports

    def log_new_reports(self, record: Record) -> None:
        """Log the reports of the trial that are not logged yet."""
        for step, report in enumerate(record.reports, start=1):
            if step > len(self.reports):
                self.reports.append(report)
                self.run.report(step, numeric_metrics(report))


class TrackerSet:
    """Logs trials to trackers; one that fails is disabled, and the study continues.

    The run of a resumed trial is replaced, so that no epoch is logged twice.
    """

    def __init__(self, trackers: Sequence[str], folder: Path, warn: Callable[[str], None]) -> None:
        """Open the trackers.

        Args:
            trackers: Their names.
            folder: The results folder.
            warn: Called with a message when a tracker is disabled.
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
        """Disable a tracker if the body raises."""
        try:
            yield
        except Exception as error:  # a server, a disk or a custom tracker can raise anything
            self.trackers.pop(name, None)
            self.open_runs = {key: each for key, each in self.open_runs.items() if key[0] != name}
            self.warn(
                f"tracker: {name} failed and is disabled ({type(error).__name__}: {error}); "
                "the study continues."
            )

    def on_trial_change(self, record: Record) -> None:
        """Log new reports of a trial."""
        for name, tracker in [*self.trackers.items()]:
            with self.disable_on_error(name):
                logged = self.open_runs.get((name, record.trial_id))
                if logged is None or not logged.is_continued_by(record):
                    if logged:
                        logged.run.end(failed=False)
                    logged = LoggedRun(tracker.begin(record.trial_id, record.knobs))
                    self.open_runs[name, record.trial_id] = logged
                logged.log_new_reports(record)
                if record.status != "running":
                    logged.run.end(failed=record.status == "failed")
                    del self.open_runs[name, record.trial_id]

    def close(self) -> None:
        """Close the runs of trials that have not ended."""
        for (name, trial), logged in [*self.open_runs.items()]:
            with self.disable_on_error(name):
                logged.run.end(failed=False)
                self.open_runs.pop((name, trial), None)


def numeric_metrics(report: Report) -> dict[str, float]:
    """Return the metrics of an epoch; what is unknown and what is text is left out."""
    numbers = {k: v for k, v in asdict(report).items() if isinstance(v, float | int)}
    return {key: float(value) for key, value in numbers.items()}
