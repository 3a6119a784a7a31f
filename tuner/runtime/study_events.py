"""Update the study state and the event log on every event of a trial, on any runtime."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Protocol, cast

from trainables.components import GROUPS
from trainables.hparams.group import group_values
from trainables.training.checkpoint import checkpoint_position
from trainables.training.ray_trainable import CHECKPOINT_ERROR
from trainables.training.report import Report
from tuner.runtime.trial_queue import FailureCause, RunConfig, TrialQueue
from tuner.state.study import StudyProgress
from tuner.state.trial import Record, distinguishing_knobs, final_status
from tuner.storage.checkpoint_retention import delete_leftovers_of_dead_processes
from tuner.storage.event_log import EventLog
from tuner.storage.results_store import LocalStore


class TrialRun(Protocol):
    """One run of a trial, from its start or a checkpoint; to Ray, a trial.

    Attributes:
        trial_id: The name of the run.
    """

    trial_id: str

    @property
    def config(self) -> Mapping[str, object]:
        """Its configuration, as `TrialQueue.suggest` returned it, and what all runs share."""

    @property
    def last_result(self) -> dict[str, object]:
        """The metrics of its last reported epoch."""


class StudyEvents:
    """Keeps `progress` and the event log up to date and notifies of every change."""

    def __init__(
        self,
        progress: StudyProgress,
        columns: list[str],
        notify: Callable[[Record], None],
        event_log: EventLog,
        queue: TrialQueue,
        enforce_budget: Callable[[Record], None],
        warn: Callable[[str], None],
        store: LocalStore,
    ) -> None:
        """Connect the parts of a study.

        Args:
            progress: The state of the study; kept up to date.
            columns: Knobs that distinguish trials, as in a plan.
            notify: Called with each trial that started, reported or ended.
            event_log: The log of all trial events.
            queue: Decides which trials continue.
            enforce_budget: Called with each trial that saved a checkpoint or ended.
            warn: Called with warnings for the user.
            store: The results folder.
        """
        self.progress = progress
        self.columns = columns
        self.notify = notify
        self.event_log = event_log
        self.queue = queue
        self.enforce_budget = enforce_budget
        self.warn = warn
        self.store = store
        self.has_named_obstacle = False

    def on_trial_start(self, trial: TrialRun) -> None:
        """Record a trial that starts or resumes."""
        config = run_config(trial)
        record = self.progress.records.get(config["trial"])
        if record is None:
            record = self.create_record(trial)
        elif config["went_on"] > record.times_resumed:
            self.resume_record(record, config)
        self.notify(record)

    def resume_record(self, record: Record, config: RunConfig) -> None:
        """Record that a trial resumes, perhaps with other knobs and weights of another trial."""
        self.progress.totals.mark_resumed(record)
        record.knobs = distinguishing_knobs(config, self.columns)
        record.groups = select_groups(config)
        record.status, record.times_resumed = "running", config["went_on"]
        record.is_paused = False
        source = config["source"]
        record.reports = list(self.progress.records[source].reports)
        own = [path for path in (record.checkpoint, record.previous_checkpoint) if path]
        if source != record.trial_id:  # its own checkpoints belong to other reports
            record.checkpoint = self.store.to_local_path(config["goes_on_from"])
            record.previous_checkpoint = ""
        self.event_log.log_resume(record, source, was_paused=config["waited"])
        for path in own if source != record.trial_id else ():
            self.store.delete_checkpoint(path)
        if text := self.queue.resume_state.checkpoint_losses.pop(record.trial_id, ""):
            self.event_log.log_checkpoint_loss(record.trial_id, text)
            self.warn(f"trial {record.trial_id}: {text}.")

    def create_record(self, trial: TrialRun) -> Record:
        """Log a new trial; return its record."""
        config = run_config(trial)
        knobs, bound = distinguishing_knobs(config, self.columns), self.progress.goal.constraint
        record = Record(
            config["trial"], knobs, config["seed"], select_groups(config), constraint=bound
        )
        self.progress.records[record.trial_id] = record
        self.event_log.log_start(record)
        return record

    def log_and_decide(self, number: str, result: dict[str, object]) -> bool:
        """Log an epoch, then ask the scheduler; return whether the trial continues.

        An epoch without a checkpoint is ignored; it is reported again with the checkpoint.
        """
        if CHECKPOINT_ERROR in result:
            return True
        report = Report.from_result(result)
        self.event_log.log_report(number, report)
        return self.queue.decide(number, report) == "continue"

    def on_trial_result(self, trial: TrialRun, result: Mapping[str, object]) -> None:
        """Record a reported epoch."""
        if CHECKPOINT_ERROR in result:
            return
        record = self.get_record(trial)
        report = Report.from_result(result)
        while record.reports and record.reports[-1].position >= report.position:
            record.reports.pop()  # reported again after its process died
        record.reports.append(report)
        if report.graph_obstacle and not self.has_named_obstacle:
            self.has_named_obstacle = True
            self.warn(
                f"trial {record.trial_id}: its updates cannot run as a CUDA graph "
                f"({report.graph_obstacle}); they run as usual, which is slower."
            )
        self.notify(record)

    def on_checkpoint(self, trial: TrialRun, path: str) -> None:
        """Record a new checkpoint, just before the runtime deletes the one of two epochs ago.

        The runtime does not know the checkpoint that a trial resumed from, so it is deleted here.

        Args:
            trial: The run.
            path: The checkpoint, in the results folder.
        """
        record = self.get_record(trial)
        outdated, before, now = (
            record.previous_checkpoint,
            record.checkpoint,
            path,
        )
        same_folder = bool(before) and Path(before).parent == Path(now).parent
        came_from = run_config(trial).get("goes_on_from", "")
        record.previous_checkpoint = (
            before if same_folder else came_from and self.store.to_local_path(came_from)
        )
        record.checkpoint = now
        self.event_log.log_checkpoint(record)
        if (
            outdated not in {"", record.previous_checkpoint}
            and Path(outdated).parent != Path(now).parent
        ):
            self.store.delete_checkpoint(outdated)
        self.enforce_budget(record)

    def finish_trial(self, record: Record) -> None:
        """Log that a trial ended; delete all its checkpoints but the last."""
        self.event_log.log_end(record)
        if record.previous_checkpoint:
            self.store.delete_checkpoint(record.previous_checkpoint)
            record.previous_checkpoint = ""
        if self.queue.deaths[record.trial_id]:
            delete_leftovers_of_dead_processes(self.store, record, self.event_log)
        self.enforce_budget(record)
        self.notify(record)

    def on_trial_complete(self, trial: TrialRun) -> None:
        """Record a trial that ended without an error or paused."""
        record = self.get_record(trial)
        record.is_paused = self.queue.decisions.get(record.trial_id) == "pause"
        record.status = final_status(record, self.progress.levels)
        self.finish_trial(record)

    def on_trial_error(self, trial: TrialRun, cause: FailureCause, error: str) -> None:
        """Record an error, unless the process died and the trial is complete or can be resumed.

        Args:
            trial: The run.
            cause: Why it failed.
            error: Its message.
        """
        if cause != "raised" and self.has_final_checkpoint(trial):
            self.queue.on_trial_complete(trial.trial_id, trial.last_result)
            self.on_trial_complete(trial)
            return
        if self.queue.handle_failure(trial.trial_id, cause):
            return
        record = self.progress.records.get(run_config(trial)["trial"]) or self.create_record(trial)
        record.status, record.error = "failed", error
        self.finish_trial(record)

    def has_final_checkpoint(self, trial: TrialRun) -> bool:
        """Return whether a trial has run all its epochs and its checkpoint is valid."""
        record = self.progress.records.get(run_config(trial)["trial"])
        if record is None or record.last_report is None or not self.queue.is_finished(record):
            return False
        if not record.checkpoint:
            return False
        fetch = partial(self.store.fetch_checkpoint, record.checkpoint)
        self.event_log.retry("a copy of a checkpoint", fetch)
        position = checkpoint_position(Path(record.checkpoint))
        return position == record.last_report.position

    def get_record(self, trial: TrialRun) -> Record:
        """Return the record of a trial."""
        return self.progress.records[run_config(trial)["trial"]]


def run_config(trial: TrialRun) -> RunConfig:
    """Return the configuration of a run, whose keys Ray does not know."""
    return cast(RunConfig, trial.config)


def select_groups(config: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return the groups of a trial's configuration."""
    return {name: dict(group_values(config, name)) for name in config if name in GROUPS}
