"""From Ray's events to our own account of a study."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ray import cloudpickle as ray_pickle
from ray import tune
from ray.exceptions import RayActorError, WorkerCrashedError
from ray.tune.experiment import Trial

from trainables.checkpoint import moment_of
from trainables.groups import GROUPS
from trainables.report import Report
from trainables.trainable import REFUSED
from tuner.agenda import Agenda
from tuner.journal import Journal
from tuner.place import Local
from tuner.progress import Progress
from tuner.record import Record, ending

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
        hung: Mapping[str, str],
        caution: Callable[[str], None],
        place: Local,
    ) -> None:
        """Start watching.

        Args:
            progress: What to keep up to date.
            columns: What tells trials apart, as in a plan.
            tell: Called with a trial that began, reported or ended.
            journal: Where it is written down.
            agenda: Which trials go on.
            tidy: Called with a trial whose checkpoint was kept, or that has ended.
            hung: Why the process of a trial was ended, by Ray's name of it.
            caution: Called with what was lost.
            place: Where the results lie.
        """
        self.progress = progress
        self.columns = columns
        self.tell = tell
        self.journal = journal
        self.agenda = agenda
        self.tidy = tidy
        self.hung = hung
        self.caution = caution
        self.place = place

    def __getstate__(self) -> dict[str, object]:
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
            if text := self.agenda.memory.lost.pop(record.trial_id, ""):
                self.journal.lost(record.trial_id, text)
                self.caution(f"trial {record.trial_id}: {text}.")
        self.tell(record)

    def begun(self, trial: Trial) -> Record:
        """Write a new trial down; return the account of it."""
        config = trial.config
        knobs, bound = told_apart(config, self.columns), self.progress.goal.constraint
        record = Record(config["trial"], knobs, config["seed"], grouped(config), constraint=bound)
        self.progress.records[record.trial_id] = record
        self.journal.began(record)
        return record

    def decide(self, number: str, result: dict[str, object]) -> bool:
        """Write an epoch down, then let the rule decide; return whether the trial goes on.

        One whose checkpoint could not be written counts when it is reported with it.
        """
        if REFUSED in result:
            return True
        report = Report.taken(result)
        self.journal.reported(number, report)
        return self.agenda.decide(number, report) == "go"

    def on_trial_result(
        self,
        iteration: int,
        trials: list[Trial],
        trial: Trial,
        result: dict[str, object],
        **info: object,
    ) -> None:
        """Note an epoch."""
        if REFUSED in result:
            return
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
        """Note where the trial's files are, just before Ray deletes those of two epochs ago.

        What it went on from Ray does not know of.
        """
        record = self.record(trial)
        passed, before, now = record.spare, record.checkpoint, self.place.kept(checkpoint)
        goes_on = bool(before) and Path(before).parent == Path(now).parent
        came_from = trial.config.get("goes_on_from", "")
        record.spare = before if goes_on else came_from and self.place.inside(came_from)
        record.checkpoint = now
        self.journal.kept(record)
        if passed not in {"", record.spare} and Path(passed).parent != Path(now).parent:
            self.place.remove(passed)
        self.tidy(record)

    def ended(self, record: Record) -> None:
        """Write down that a trial has ended; one checkpoint is enough from now on."""
        self.journal.ended(record)
        if record.spare:
            self.place.remove(record.spare)
            record.spare = ""
        self.tidy(record)
        self.tell(record)

    def on_trial_complete(
        self, iteration: int, trials: list[Trial], trial: Trial, **info: object
    ) -> None:
        """Note how a trial ended that did not fail, or that it waits."""
        record = self.record(trial)
        record.status = ending(record, self.progress.levels)
        self.ended(record)

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
        record.error = self.hung.get(trial.trial_id) or last_line(trial.error_file)
        self.ended(record)

    def kept(self, trial: Trial) -> bool:
        """Return whether a trial was to run no further, and its checkpoint is whole."""
        record = self.progress.records.get(trial.config["trial"])
        if record is None or record.last is None or not self.agenda.over(record):
            return False
        if not record.checkpoint:
            return False
        fetch = partial(self.place.fetch, record.checkpoint)
        self.journal.patiently("a copy of a checkpoint", fetch)
        whole = moment_of(Path(record.checkpoint))
        return whole == record.last.moment

    def record(self, trial: Trial) -> Record:
        """Return the account of a trial."""
        return self.progress.records[trial.config["trial"]]


def grouped(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the groups of a trial's configuration."""
    return {name: values for name, values in config.items() if name in GROUPS}


def told_apart(config: Mapping[str, object], columns: Sequence[str]) -> dict[str, object]:
    """Return what tells a trial apart from others, by the columns of a plan."""
    return {path: at(config, path) for path in columns}


def at(config: Mapping[str, object], path: str) -> object:
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
