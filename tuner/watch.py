"""From Ray's events to our own account of a study."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ray import cloudpickle as ray_pickle
from ray import tune
from ray.exceptions import RayActorError, WorkerCrashedError
from ray.tune.experiment import Trial

from trainables.checkpoint import moment_of
from trainables.groups import GROUPS
from trainables.report import Report
from tuner.agenda import Agenda
from tuner.journal import Journal
from tuner.progress import Progress, Record, ending

DEATHS = (RayActorError, WorkerCrashedError)
"""What Ray says of a trial whose process was killed, or whose machine went away."""


class Watch(tune.Callback):
    """Keeps `progress` up to date, and tells of every change."""

    def __init__(
        self,
        progress: Progress,
        columns: list[str],
        tell: Callable[[Record], None],
        journal: Journal,
        agenda: Agenda,
        tidy: Callable[[Record], None],
    ) -> None:
        """Start watching.

        Args:
            progress: What to keep up to date.
            columns: What tells trials apart, as in a plan.
            tell: Called with a trial that began, reported or ended.
            journal: Where it is written down.
            agenda: Which trials go on.
            tidy: Called with a trial whose checkpoint was kept, or that has ended.
        """
        self.progress = progress
        self.columns = columns
        self.tell = tell
        self.journal = journal
        self.agenda = agenda
        self.tidy = tidy

    def __getstate__(self) -> dict[str, Any]:
        """Return nothing: Ray pickles its callbacks, and a terminal cannot be pickled."""
        return {}

    def on_trial_start(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Note a new trial, or one that goes on."""
        config = trial.config
        record = self.progress.records.get(config["trial"])
        if record is None:
            record = self.begun(trial)
        elif config["went_on"] > record.went_on:
            self.progress.account.goes_on(record)
            record.knobs, record.groups = told_apart(config, self.columns), grouped(config)
            record.status = "running"
            record.went_on = config["went_on"]
            record.reports = list(self.progress.records[config["source"]].reports)
            self.journal.went_on(record, config["source"], waited=config["waited"])
        self.tell(record)

    def begun(self, trial: Trial) -> Record:
        """Write a new trial down; return the account of it."""
        config = trial.config
        knobs, bound = told_apart(config, self.columns), self.progress.goal.constraint
        record = Record(config["trial"], knobs, config["seed"], grouped(config), constraint=bound)
        self.progress.records[record.trial_id] = record
        self.journal.began(record)
        return record

    def decide(self, number: str, result: dict[str, Any]) -> bool:
        """Write an epoch down, then let the rule decide; return whether the trial goes on."""
        report = Report.taken(result)
        self.journal.reported(number, report)
        return self.agenda.decide(number, report) == "go"

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
        report = Report.taken(result)
        while record.reports and record.reports[-1].moment >= report.moment:
            record.reports.pop()  # reported again, after its process had died
        record.reports.append(report)
        self.tell(record)

    def on_checkpoint(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        checkpoint: tune.Checkpoint,
        **info: object,
    ) -> None:
        """Note where the trial's files are, just before Ray deletes those of its last epoch.

        What it went on from Ray does not know of.
        """
        record = self.record(trial)
        record.checkpoint = checkpoint.path
        self.journal.kept(record)
        if came_from := trial.config.get("goes_on_from"):
            shutil.rmtree(came_from, ignore_errors=True)
        self.tidy(record)

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Note how a trial ended that did not fail, or that it waits."""
        record = self.record(trial)
        record.status = ending(record, self.progress.levels)
        self.journal.ended(record)
        self.tidy(record)
        self.tell(record)

    def on_trial_error(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Note what a trial raised, unless its process died and nothing or little is lost."""
        died = isinstance(raised(trial.pickled_error_file), DEATHS)
        if died and self.kept(trial):
            self.agenda.on_trial_complete(trial.trial_id, trial.last_result)
            self.on_trial_complete(iteration, trials, trial)
            return
        if self.agenda.failed(trial.trial_id, died=died):
            return
        record = self.progress.records.get(trial.config["trial"]) or self.begun(trial)
        record.status = "failed"
        record.error = last_line(trial.error_file)
        self.journal.ended(record)
        self.tidy(record)
        self.tell(record)

    def kept(self, trial: Trial) -> bool:
        """Return whether a trial was to run no further, and its checkpoint is whole."""
        record = self.progress.records.get(trial.config["trial"])
        if record is None or record.last is None or not self.agenda.over(record):
            return False
        whole = record.checkpoint and moment_of(Path(record.checkpoint))
        return whole == record.last.moment

    def record(self, trial: Trial) -> Record:
        """Return the account of a trial."""
        return self.progress.records[trial.config["trial"]]


def grouped(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the groups of a trial's configuration."""
    return {name: values for name, values in config.items() if name in GROUPS}


def told_apart(config: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """Return what tells a trial apart from others, by the columns of a plan."""
    return {path: at(config, path) for path in columns}


def at(config: Mapping[str, Any], path: str) -> object:
    """Return what a configuration has in a column such as "optimizer.lr" or "model", or none."""
    group, _, knob = path.partition(".")
    found = config.get(group)
    return found.get(knob or "name") if isinstance(found, dict) else found


def raised(file: str | None) -> Exception | None:
    """Return what ended a trial, as Ray has just written it down in this process' own folder.

    `Trial.get_pickled_error` looks for it among the results, where Ray copies it some time later.
    """
    if file is None or not Path(file).is_file():
        return None
    error: Exception = ray_pickle.loads(Path(file).read_bytes())
    return error


def last_line(error_file: str | None) -> str:
    """Return the end of a traceback: what was raised."""
    if error_file is None or not Path(error_file).is_file():
        return "ended without a message"
    lines = [line for line in Path(error_file).read_text().splitlines() if line.strip()]
    return lines[-1].strip() if lines else "ended without a message"
