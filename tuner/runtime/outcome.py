"""What a study prints when it ends, and the exit status of the command."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from tuner.cli.command import FAILED, OK
from tuner.cli.console import JsonConsole
from tuner.cli.signals import INTERRUPT_STATUS
from tuner.monitoring.json_log import describe_end
from tuner.monitoring.summary import print_summary
from tuner.state.study import StudyProgress
from tuner.storage.naming import format_resume_command
from tuner.storage.results_store import LocalStore

REPAIR_HINT = "Free space or restore what is missing."


@dataclass(frozen=True)
class Outcome:
    """How a study ended.

    Attributes:
        status: Exit status of the command.
        folder: The results folder on this machine.
        reason: The error that ended the study early; empty if there was none.
    """

    status: int
    folder: Path
    reason: str = ""


def report_outcome(
    console: Console,
    progress: StudyProgress,
    store: LocalStore,
    end_reason: str,
    storage_error: str,
    interrupted: bool,
    command: Sequence[str],
) -> Outcome:
    """Print the summary of a study that is over; return how it ended.

    Args:
        console: Where to print.
        progress: The state of the study at its end.
        store: The results folder.
        end_reason: The error that ended the study early; empty if there was none.
        storage_error: The error of the last write; empty if there was none.
        interrupted: Whether trials are left to run.
        command: The command of the study.
    """
    reason = end_reason or storage_error
    status = choose_status(progress, reason, interrupted)
    may_resume = bool(reason) or interrupted or progress.was_cut_short
    if isinstance(console, JsonConsole):
        resume_command = format_resume_command(command, store.folder) if may_resume else None
        event = describe_end(progress, status, reason, str(store), resume_command)
        console.print_event("end", asdict(event))
        return Outcome(status, store.folder, reason)
    print_summary(console, progress, str(store), interrupted=interrupted)
    if reason:
        console.print(f"Stopped early: {reason}. {REPAIR_HINT}", soft_wrap=True)
    if may_resume:
        print_resume_command(console, command, store)
    return Outcome(status, store.folder, reason)


def choose_status(progress: StudyProgress, reason: str, interrupted: bool) -> int:
    """Return the exit status of a study that is over.

    Args:
        progress: The state of the study at its end.
        reason: The error that ended it early; empty if there was none.
        interrupted: Whether trials are left to run.
    """
    if reason:
        return FAILED
    if interrupted:
        return INTERRUPT_STATUS
    statuses = {record.status for record in progress.records.values()}
    return FAILED if statuses == {"failed"} else OK


def print_resume_command(console: Console, command: Sequence[str], store: LocalStore) -> None:
    """Print the command that resumes a study that ended early."""
    console.print(f"To resume: {format_resume_command(command, store.folder)}", soft_wrap=True)
