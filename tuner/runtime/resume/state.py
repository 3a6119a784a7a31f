"""A study taken up again: what it knew when it was cut off, trial by trial."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import pyarrow
import pyarrow.parquet
from optuna.trial import FrozenTrial

from trainables.errors import InputError
from trainables.training.checkpoint import checkpoint_position
from trainables.training.constraint import Constraint
from trainables.training.report import Report
from tuner.layout import CHECKPOINT_PATTERN, EVENT_LOG_FILE, TRIALS_FILE
from tuner.schedulers.core.scheduler import Decision, Resume, Scheduler
from tuner.searchers.core.optuna_searcher import own_number
from tuner.state.trial import SEED_SEPARATOR, Record, TrialStatus, final_status
from tuner.storage.event_reader import SchedulerEvent, load_events


def delete_folder(path: str) -> None:
    """Delete a checkpoint."""
    shutil.rmtree(path, ignore_errors=True)


@dataclass
class ResumeState:
    """What a study has come to.

    Attributes:
        records: Every trial that has been begun, by number.
        decisions: What the rule said of the last epoch of each.
        levels: The whole run that each began with.
        to_resume: Numbers of those that were cut off and go on.
        last_reported: The last moment that the rule has heard of each since it last let it go on.
        ended_unlogged: Those that turn out to have ended, though the account does not say so yet.
        checkpoint_losses: What has come of checkpoints that were broken, to be told when their trials go on.
        delete_checkpoint: Deletes a broken checkpoint.
    """

    records: dict[str, Record] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    to_resume: list[str] = field(default_factory=list)
    last_reported: dict[str, tuple[int, int]] = field(default_factory=dict)
    ended_unlogged: list[Record] = field(default_factory=list)
    checkpoint_losses: dict[str, str] = field(default_factory=dict)
    delete_checkpoint: Callable[[str], None] = delete_folder

    def report(self, scheduler: Scheduler, number: str, report: Report) -> Decision:
        """Tell a rule of an epoch of a trial; return what it says.

        What a trial reports again, because its process died before the checkpoint was kept, the
        rule has heard already.
        """
        last = self.last_reported.get(number)
        if last is not None and report.position <= last:
            return self.decisions[number] if report.position == last else "continue"
        self.last_reported[number] = report.position
        self.decisions[number] = scheduler.on_report(number, report, self.records[number].knobs)
        return self.decisions[number]

    def rewind_to_checkpoint(self, record: Record, *, was_paused: bool) -> None:
        """Have a trial go on from its newest whole checkpoint.

        Args:
            record: The trial.
            was_paused: Whether it had waited: what it then reports again the rule has heard.
        """
        named, last = record.checkpoint, record.last_report
        rewind(record)
        if not named or record.checkpoint == named:
            return
        self.checkpoint_losses[record.trial_id] = describe_checkpoint_loss(record)
        self.delete_checkpoint(named)  # nobody can read it, or name it any more
        if was_paused and last is not None:
            self.last_reported[record.trial_id] = last.position
            self.decisions[record.trial_id] = "continue"

    def resume(self, scheduler: Scheduler, step: Resume) -> None:
        """Tell a rule that a trial goes on that waited: what it reports from now on is new."""
        scheduler.on_resume(step)
        self.last_reported.pop(step.trial, None)
        self.decisions.pop(step.trial, None)


def rebuild_resume_state(
    folder: Path,
    scheduler: Scheduler,
    constraint: Constraint | None = None,
    *,
    study: optuna.Study | None = None,
) -> ResumeState:
    """Return what a study had come to when it ended or was cut off, and tell a new rule of it.

    Args:
        folder: The results folder.
        scheduler: One that knows nothing yet.
        constraint: What the best epoch of each trial should satisfy, if anything.
        study: The searcher's study, or `None` if there is none yet.

    Raises:
        InputError: If the account of the study cannot be read.
    """
    records, events = load_events(folder, constraint)
    if not records and (known := count_frame_trials(folder)):
        raise InputError([
            f"{folder}: {TRIALS_FILE} tells of {known} trials and {EVENT_LOG_FILE} of none, and to go on would "
            f"write over them; put its {EVENT_LOG_FILE} back, or choose another name=NAME."
        ])
    cut_off = [record for record in records.values() if record.status == "running"]
    apply_optuna_outcomes(records, study.trials if study else (), scheduler)
    forgotten, memory = set[int](), ResumeState(records)
    for record in records.values():
        if record.status == "running":
            before = {id(each) for each in record.reports}
            memory.rewind_to_checkpoint(record, was_paused=False)
            forgotten |= before - {id(each) for each in record.reports}
    replay_events(
        [event for event in events if id(event.report) not in forgotten], scheduler, memory
    )
    for number, record in records.items():
        record.status, goes_on = status_on_resume(
            record, memory.decisions.get(number, "continue"), scheduler
        )
        if goes_on:
            memory.to_resume.append(number)
        elif memory.decisions.get(number) != "pause" and SEED_SEPARATOR not in number:
            scheduler.on_end(number)
    memory.ended_unlogged = [record for record in cut_off if record.status != "running"]
    return memory


def count_frame_trials(folder: Path) -> int:
    """Return how many trials a study's frame tells of; none if it cannot be read."""
    try:
        return int(pyarrow.parquet.read_metadata(folder / TRIALS_FILE).num_rows)
    except (OSError, pyarrow.ArrowInvalid):
        return 0


def apply_optuna_outcomes(
    records: Mapping[str, Record], trials: Iterable[FrozenTrial], scheduler: Scheduler
) -> None:
    """End trials that died between telling the searcher and writing down that they were over."""
    for trial in trials:
        record = records.get(own_number(trial))
        first = record is not None and record.status == "running" and not record.times_resumed
        if record is not None and first and trial.state.is_finished():
            failed = trial.state == optuna.trial.TrialState.FAIL
            record.status = "failed" if failed else final_status(record, scheduler.levels)


def replay_events(
    events: list[SchedulerEvent], scheduler: Scheduler, resume_state: ResumeState
) -> None:
    """Tell a rule what happened, in order."""
    for event in events:
        if SEED_SEPARATOR in event.trial_number:
            resume_state.levels[event.trial_number] = len(scheduler.levels) - 1
        elif event.kind == "began":
            resume_state.levels[event.trial_number] = scheduler.on_start(event.trial_number)
        elif event.kind == "waited":
            resume_state.resume(scheduler, Resume(event.trial_number, event.trial_number))
        elif event.report is not None:
            resume_state.report(scheduler, event.trial_number, event.report)


def status_on_resume(
    record: Record, decision: Decision, scheduler: Scheduler
) -> tuple[TrialStatus, bool]:
    """Return the status of a trial in a study that is taken up, and whether it goes on.

    One that had ended goes on if the study has been given more epochs and the rule does not object.
    """
    if record.status == "failed":
        return "failed", False
    ends = final_status(record, scheduler.levels)
    goes_on = decision == "continue" and ends == "stopped" and not record.training_failed
    return ("running", True) if goes_on else (ends, False)


def rewind(record: Record) -> Record:
    """Return a trial that was cut off as its newest whole checkpoint has it.

    What it reported after that is forgotten: it will report the same again.
    """
    seen = {report.position for report in record.reports}
    found = dict(valid_checkpoints(record, seen))
    newest = max(found, default=(-1, 0))
    record.reports = [report for report in record.reports if report.position <= newest]
    record.checkpoint = str(found[newest]) if found else ""
    return record


def valid_checkpoints(
    record: Record, reported: set[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], Path]]:
    """Yield the checkpoints of a trial that are whole and of a moment that was reported."""
    if record.checkpoint:
        spare = [Path(record.previous_checkpoint)] if record.previous_checkpoint else []
        # the newest counts of those of one moment
        for folder in [*spare, *Path(record.checkpoint).parent.glob(CHECKPOINT_PATTERN)]:
            moment = checkpoint_position(folder)
            if moment in reported and moment is not None:
                yield moment, folder


def describe_checkpoint_loss(record: Record) -> str:
    """Return what comes of a broken checkpoint to a trial that has been rewound."""
    if record.last_report is None:
        return "its checkpoint is broken, and there is none before; it begins anew"
    return f"its checkpoint is broken; it goes on from the one before, of epoch {record.last_report.epoch}"
