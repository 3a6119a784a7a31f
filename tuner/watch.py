"""From Ray's events to our own account of a study."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from trainables.groups import GROUPS
from trainables.report import Report
from tuner.journal import Journal
from tuner.progress import Progress, Record, Status

COLUMNS = [field.name for field in fields(Report)]


class Watch(tune.Callback):
    """Keeps `progress` up to date, and tells of every change."""

    def __init__(
        self,
        progress: Progress,
        columns: list[str],
        tell: Callable[[Record], None],
        journal: Journal,
        past: Mapping[str, Record],
        tidy: Callable[[], None],
    ) -> None:
        """Start watching.

        Args:
            progress: What to keep up to date.
            columns: What tells trials apart, as in a plan.
            tell: Called with a trial that began, reported or ended.
            journal: Where it is written down.
            past: Trials that an earlier run has begun, by number.
            tidy: Called when a checkpoint was kept or a trial has ended.
        """
        self.progress = progress
        self.columns = columns
        self.tell = tell
        self.journal = journal
        self.past = past
        self.tidy = tidy

    def __getstate__(self) -> dict[str, Any]:
        """Return nothing: Ray pickles its callbacks, and a terminal cannot be pickled."""
        return {}

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Note a new trial."""
        number = trial.config["trial"]
        if number in self.progress.records:
            return
        if number in self.past:
            record = self.past[number]
        else:
            knobs = {path: at(trial.config, path) for path in self.columns}
            groups = {name: values for name, values in trial.config.items() if name in GROUPS}
            record = Record(number, knobs, trial.config["seed"], groups)
            self.journal.began(record)
        self.progress.records[number] = record
        self.tell(record)

    def note(self, number: str, result: dict[str, Any]) -> None:
        """Write an epoch down, before anybody decides on it."""
        report = Report(**{name: result[name] for name in COLUMNS})
        self.journal.reported(number, report)

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, Any],
        **info: object,
    ) -> None:
        """Note an epoch."""
        record = self.record(trial)
        record.reports.append(Report(**{name: result[name] for name in COLUMNS}))
        self.tell(record)

    def on_checkpoint(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        checkpoint: tune.Checkpoint,
        **info: object,
    ) -> None:
        """Note where the trial's files are, just before Ray deletes those of its last epoch."""
        record = self.record(trial)
        record.checkpoint = checkpoint.path
        self.journal.kept(record)
        self.tidy()

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Note how a trial ended that did not fail."""
        record = self.record(trial)
        record.status = ending(record, self.progress.epochs)
        self.journal.ended(record)
        self.tidy()
        self.tell(record)

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Note what a trial raised."""
        record = self.record(trial)
        record.status = "failed"
        record.error = last_line(trial.error_file)
        self.journal.ended(record)
        self.tidy()
        self.tell(record)

    def record(self, trial: Trial) -> Record:
        """Return the account of a trial."""
        return self.progress.records[trial.config["trial"]]


def at(config: dict[str, Any], path: str) -> object:
    """Return what a configuration has in a column such as "optimizer.lr" or "model", or none."""
    group, _, knob = path.partition(".")
    found = config.get(group)
    return found.get(knob or "name") if isinstance(found, dict) else found


def ending(record: Record, epochs: int) -> Status:
    """Return how a trial that no longer runs, and raised nothing, ended."""
    if record.last is None:
        return "stopped"
    if record.last.diverged:
        return "diverged"
    return "completed" if record.last.epoch >= epochs else "stopped"


def last_line(error_file: str | None) -> str:
    """Return the end of a traceback: what was raised."""
    if error_file is None or not Path(error_file).is_file():
        return "ended without a message"
    lines = [line for line in Path(error_file).read_text().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "ended without a message"
