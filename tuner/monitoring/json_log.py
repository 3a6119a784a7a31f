"""The log of a study as JSON: the events `study`, `trial` and `end`, and their fields.

The console adds the events `message`, `table` and `error`, and to each event its name and its time.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from tuner.cli.console import JsonConsole
from tuner.monitoring.summary import find_savings
from tuner.monitoring.throughput import measure_images_per_second
from tuner.state.study import StudyProgress
from tuner.state.trial import Record


@dataclass(frozen=True, kw_only=True)
class StudyEvent:
    """What will run.

    Attributes:
        name: Name of the study.
        results: The results folder or its address.
        is_resumed: Whether an earlier study is resumed.
        space: The space.
        recipe: The recipe.
        trials: Number of configurations to try.
        epochs: Epochs of a trial that is not stopped early.
        scheduler: The scheduler.
        searcher: The searcher.
        searched: Paths of the searched knobs.
        device: "cpu", or the names of the GPUs; `None`: those of a cluster.
        precision: Precision of training; "auto" on a cluster.
    """

    name: str
    results: str
    is_resumed: bool
    space: str
    recipe: str
    trials: int
    epochs: int
    scheduler: str
    searcher: str
    searched: list[str]
    device: str | None
    precision: str


@dataclass(frozen=True, kw_only=True)
class TrialEvent:
    """A trial has started, reported an epoch, paused, resumed or ended.

    Attributes:
        trial: Number of the trial.
        status: "running", "paused" (at a rung), "stopped", "completed", "diverged" or "failed".
        elapsed_seconds: Seconds since the start of the study.
        knobs: Knobs that distinguish trials.
        run: Index of the run of the trial, from 0; `None` before its first epoch, as the next ones.
        epoch: Epochs that it has finished of this run.
        epochs: Epochs of this run.
        clean: Accuracy on the validation split after the last epoch, from 0 to 1.
        robust: The same under the validation attack.
        best_clean: `clean` of the best epoch so far.
        best_robust: `robust` of the best epoch so far.
        best_epoch: The best epoch so far.
        error: The error, if it failed; else empty.
        ended: Trials of the study that have ended.
        planned: Trials of the study that are planned.
        paused: Trials of the study that are paused.
        best_trial: Number of the best trial so far; `None`: no trial has a checkpoint.
        seconds_left: Estimate of the seconds until the study ends; `None`: unknown.
        images_per_second: Training images a second of all running trials; `None`: unknown.
    """

    trial: str
    status: str
    elapsed_seconds: float
    knobs: Mapping[str, object]
    run: int | None = None
    epoch: int | None = None
    epochs: int | None = None
    clean: float | None = None
    robust: float | None = None
    best_clean: float | None = None
    best_robust: float | None = None
    best_epoch: int | None = None
    error: str = ""
    ended: int
    planned: int
    paused: int
    best_trial: str | None
    seconds_left: float | None
    images_per_second: float | None


@dataclass(frozen=True, kw_only=True)
class EndEvent:
    """The study has ended.

    Attributes:
        outcome: "done", "out_of_time" (the time budget is used up), "interrupted", or
            "stopped_early" (by an error).
        exit_status: Exit status of the command.
        reason: The error that ended the study early; else empty.
        elapsed_seconds: Seconds that it took.
        statuses: Number of trials by status.
        epochs_run: Epochs that were trained.
        share_saved: Share of the epochs that early stopping saved, negative if it cost epochs;
            `None`: unknown, because the study is not complete.
        winner: Number of the best trial; `None`: there is none, as for the next ones.
        knobs: Its knobs.
        clean: Accuracy of its best epoch on the validation split, from 0 to 1.
        robust: The same under the validation attack.
        epoch: Its best epoch.
        results: The results folder or its address.
        resume_command: The command that resumes the study; `None`: nothing is left to run.
    """

    outcome: str
    exit_status: int
    reason: str
    elapsed_seconds: float
    statuses: Mapping[str, int]
    epochs_run: int
    share_saved: float | None
    winner: str | None = None
    knobs: Mapping[str, object] | None = None
    clean: float | None = None
    robust: float | None = None
    epoch: int | None = None
    results: str
    resume_command: str | None


class JsonLog:
    """Prints every change of a trial as an event."""

    def __init__(self, progress: StudyProgress, console: JsonConsole) -> None:
        self.progress = progress
        self.console = console

    def on_trial_change(self, record: Record) -> None:
        """Print that a trial has started, reported or ended."""
        self.console.print_event("trial", asdict(describe_trial(self.progress, record)))


def describe_trial(progress: StudyProgress, record: Record) -> TrialEvent:
    """Return the event of a trial that has changed."""
    last, best, leader = record.last_report, record.best_report, progress.leader
    rate, left = measure_images_per_second(progress), progress.seconds_left
    return TrialEvent(
        trial=record.trial_id,
        status=record.shown_status,
        elapsed_seconds=round(progress.elapsed_seconds, 3),
        knobs=record.knobs,
        run=last.level if last else None,
        epoch=last.epoch if last else None,
        epochs=progress.levels[last.level].epochs if last else None,
        clean=last.val_clean_accuracy if last else None,
        robust=last.val_robust_accuracy if last else None,
        best_clean=best.val_clean_accuracy if best else None,
        best_robust=best.val_robust_accuracy if best else None,
        best_epoch=best.epoch if best else None,
        error=record.error,
        ended=progress.n_ended,
        planned=progress.n_planned,
        paused=progress.n_paused,
        best_trial=leader.trial_id if leader else None,
        seconds_left=None if left is None else round(left, 1),
        images_per_second=None if rate is None else round(rate, 1),
    )


def describe_end(
    progress: StudyProgress,
    exit_status: int,
    reason: str,
    results: str,
    resume_command: str | None,
) -> EndEvent:
    """Return the event of a study that is over.

    Args:
        progress: The state of the study at its end.
        exit_status: Exit status of the command.
        reason: The error that ended the study early; empty if there was none.
        results: The results folder or its address.
        resume_command: The command that resumes the study; `None`: nothing is left to run.
    """
    leader, best = progress.leader, progress.leader and progress.leader.best_report
    interrupted = bool(resume_command) and not progress.was_cut_short
    savings = find_savings(progress, interrupted=interrupted)
    return EndEvent(
        outcome=name_outcome(progress, reason, interrupted=interrupted),
        exit_status=exit_status,
        reason=reason,
        elapsed_seconds=round(progress.elapsed_seconds, 3),
        statuses=dict(Counter(record.shown_status for record in progress.records.values())),
        epochs_run=sum(len(record.reports) for record in progress.records.values()),
        share_saved=savings.share_saved if savings else None,
        winner=leader.trial_id if leader else None,
        knobs=leader.knobs if leader else None,
        clean=best.val_clean_accuracy if best else None,
        robust=best.val_robust_accuracy if best else None,
        epoch=best.epoch if best else None,
        results=results,
        resume_command=resume_command,
    )


def name_outcome(progress: StudyProgress, reason: str, *, interrupted: bool) -> str:
    """Return how a study ended, as in `EndEvent`."""
    if reason:
        return "stopped_early"
    if interrupted:
        return "interrupted"
    return "out_of_time" if progress.was_cut_short else "done"
