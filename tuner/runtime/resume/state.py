"""The state of a resumed study, rebuilt from its event log, Optuna study and checkpoints."""

import shutil
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
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
from tuner.searchers.core.optuna_storage import own_number
from tuner.state.trial import SEED_SEPARATOR, Record, TrialStatus, final_status
from tuner.storage.event_reader import SchedulerEvent, load_events


def delete_folder(path: str) -> None:
    """Delete a checkpoint."""
    shutil.rmtree(path, ignore_errors=True)


@dataclass
class ResumeState:
    """What the trial queue needs to resume a study; rebuilt at the start, then kept up to date.

    Attributes:
        records: Every started trial, by number.
        decisions: The scheduler's decision on the last epoch of each trial.
        levels: Index of the fidelity level at which each trial started.
        to_resume: Numbers of interrupted trials that resume.
        last_reported: Last position of each trial that the scheduler has, since the last resume.
        ended_unlogged: Trials that ended before their end was logged.
        checkpoint_losses: Messages on corrupt checkpoints, shown when the trial resumes.
        delete_checkpoint: Deletes a corrupt checkpoint.
    """

    records: dict[str, Record] = field(default_factory=dict)
    decisions: dict[str, Decision] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    to_resume: list[str] = field(default_factory=list)
    last_reported: dict[str, tuple[int, int]] = field(default_factory=dict)
    ended_unlogged: list[Record] = field(default_factory=list)
    checkpoint_losses: dict[str, str] = field(default_factory=dict)
    delete_checkpoint: Callable[[str], None] = delete_folder

    def report(
        self, scheduler: Scheduler, number: str, report: Report, knobs: Mapping[str, object]
    ) -> Decision:
        """Report an epoch of a trial to the scheduler; return its decision.

        An epoch that is repeated, because the process died before its checkpoint, is not reported
        again.

        Args:
            scheduler: The scheduler.
            number: The number of the trial.
            report: The epoch.
            knobs: The knobs that it was trained with.
        """
        last = self.last_reported.get(number)
        if last is not None and report.position <= last:
            return self.decisions[number] if report.position == last else "continue"
        self.last_reported[number] = report.position
        self.decisions[number] = scheduler.on_report(number, report, knobs)
        return self.decisions[number]

    def is_paused(self, number: str) -> bool:
        """Return whether a trial waits at a rung; one that failed after its report does not."""
        return self.decisions.get(number) == "pause" and self.records[number].status != "failed"

    def rewind_to_checkpoint(self, record: Record, *, was_paused: bool) -> None:
        """Set a trial back to its newest valid checkpoint.

        Args:
            record: The trial.
            was_paused: Whether it was paused; the scheduler then has its repeated epochs already.
        """
        named, last = record.checkpoint, record.last_report
        rewind(record)
        if not named or record.checkpoint == named or checkpoint_position(Path(named)):
            return  # it may also have a newer one, if its process died before that was logged
        self.checkpoint_losses[record.trial_id] = describe_checkpoint_loss(record)
        self.delete_checkpoint(named)  # it is corrupt, and no record refers to it any more
        if was_paused and last is not None:
            self.last_reported[record.trial_id] = last.position
            self.decisions[record.trial_id] = "continue"

    def resume(self, scheduler: Scheduler, resume: Resume) -> None:
        """Notify the scheduler that a paused trial resumes; its next reports are new."""
        scheduler.on_resume(resume)
        self.last_reported.pop(resume.trial, None)
        self.decisions.pop(resume.trial, None)


def rebuild_resume_state(
    folder: Path,
    scheduler: Scheduler,
    constraint: Constraint | None = None,
    *,
    study: optuna.Study | None = None,
) -> ResumeState:
    """Return the state of a study when it ended or was interrupted; replay it into a scheduler.

    Args:
        folder: The results folder.
        scheduler: A new scheduler.
        constraint: Constraint on the best epoch of each trial, or `None`.
        study: The Optuna study, or `None` if there is none yet.

    Raises:
        InputError: If the event log cannot be read.
    """
    records, events = load_events(folder, constraint)
    if not records and (n_trials := count_frame_trials(folder)):
        raise InputError([
            f"{folder}: {TRIALS_FILE} has {n_trials} trials and {EVENT_LOG_FILE} has none; "
            f"resuming would overwrite them. Restore {EVENT_LOG_FILE} or choose another name=NAME."
        ])
    interrupted = [record for record in records.values() if record.status == "running"]
    apply_optuna_outcomes(records, study.trials if study else (), scheduler)
    dropped, resume_state = set[int](), ResumeState(records)
    for record in records.values():
        if record.status == "running":
            before = {id(report) for report in record.reports}
            resume_state.rewind_to_checkpoint(record, was_paused=False)
            dropped |= before - {id(report) for report in record.reports}
    replay_events(list(without_lost_epochs(events, dropped)), scheduler, resume_state)
    for number, record in records.items():
        record.status, resumes = status_on_resume(
            record, resume_state.decisions.get(number, "continue"), scheduler
        )
        if resumes:
            resume_state.to_resume.append(number)
        elif not resume_state.is_paused(number) and SEED_SEPARATOR not in number:
            scheduler.on_end(number)
    resume_state.ended_unlogged = [record for record in interrupted if record.status != "running"]
    return resume_state


def without_lost_epochs(
    events: Iterable[SchedulerEvent], lost_reports: Container[int]
) -> Iterator[SchedulerEvent]:
    """Yield the events without those of epochs that are trained again, and all that followed them.

    Args:
        events: The events of a study, in order.
        lost_reports: `id` of each report of such an epoch.
    """
    rewound = set[str]()
    for event in events:
        if id(event.report) in lost_reports:
            rewound.add(event.trial_number)
        if event.trial_number not in rewound:
            yield event


def count_frame_trials(folder: Path) -> int:
    """Return the number of trials in the frame; 0 if it cannot be read."""
    try:
        return int(pyarrow.parquet.read_metadata(folder / TRIALS_FILE).num_rows)
    except (OSError, pyarrow.ArrowInvalid):
        return 0


def apply_optuna_outcomes(
    records: Mapping[str, Record], trials: Iterable[FrozenTrial], scheduler: Scheduler
) -> None:
    """Set the status of trials whose end is in the Optuna study but not in the event log."""
    for trial in trials:
        record = records.get(own_number(trial))
        first = record is not None and record.status == "running" and not record.times_resumed
        if record is not None and first and trial.state.is_finished():
            failed = trial.state == optuna.trial.TrialState.FAIL
            record.status = "failed" if failed else final_status(record, scheduler.levels)


def replay_events(
    events: list[SchedulerEvent], scheduler: Scheduler, resume_state: ResumeState
) -> None:
    """Replay the events of a study into a scheduler, in order."""
    for event in events:
        if SEED_SEPARATOR in event.trial_number:
            resume_state.levels[event.trial_number] = len(scheduler.levels) - 1
        elif event.kind == "began":
            resume_state.levels[event.trial_number] = scheduler.on_start(event.trial_number)
        elif event.kind == "waited":
            explored = event.knobs if event.explores else {}
            resume_state.resume(scheduler, Resume(event.trial_number, event.source, explored))
        elif event.report is not None:
            resume_state.report(scheduler, event.trial_number, event.report, event.knobs)


def status_on_resume(
    record: Record, decision: Decision, scheduler: Scheduler
) -> tuple[TrialStatus, bool]:
    """Return the status of a trial in a resumed study, and whether it resumes.

    An ended trial resumes if the study now has more epochs and the scheduler continues it.
    """
    if record.status == "failed":
        return "failed", False
    ends = final_status(record, scheduler.levels)
    resumes = decision == "continue" and ends == "stopped" and not record.training_failed
    return ("running", True) if resumes else (ends, False)


def rewind(record: Record) -> Record:
    """Set an interrupted trial back to its newest valid checkpoint and return it.

    Later reports are dropped: the trial will report the same epochs again.
    """
    seen = {report.position for report in record.reports}
    checkpoints = dict(valid_checkpoints(record, seen))
    newest = max(checkpoints, default=(-1, 0))
    record.reports = [report for report in record.reports if report.position <= newest]
    record.checkpoint = str(checkpoints[newest]) if checkpoints else ""
    return record


def valid_checkpoints(
    record: Record, reported: set[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], Path]]:
    """Yield position and folder of each valid checkpoint whose epoch was reported."""
    if record.checkpoint:
        previous = [Path(record.previous_checkpoint)] if record.previous_checkpoint else []
        named = Path(record.checkpoint)
        # of several with one position the last yielded wins
        for folder in [*previous, *named.parent.glob(CHECKPOINT_PATTERN), named]:
            position = checkpoint_position(folder)
            if position in reported and position is not None:
                yield position, folder


def describe_checkpoint_loss(record: Record) -> str:
    """Return the message on a corrupt checkpoint of a trial that was rewound."""
    if record.last_report is None:
        return "its checkpoint is corrupt and there is no previous one; it starts again"
    epoch = record.last_report.epoch
    return f"its checkpoint is corrupt; it resumes from the previous one, of epoch {epoch}"
