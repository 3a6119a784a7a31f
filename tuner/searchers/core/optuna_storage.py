"""The Optuna study and its journal storage, with retries while the file system fails."""

from collections.abc import Mapping
from pathlib import Path

import optuna
from optuna.storages.journal import JournalFileBackend

from trainables.errors import InputError
from trainables.io.retry import Retry
from tuner.config.objectives import Goal
from tuner.layout import OPTUNA_FILE
from tuner.storage.event_log import trim_partial_line
from tuner.storage.event_schema import TRIAL_NUMBER

DEFAULT_STUDY_NAME = "attuner"
"""Name of a study that has no results folder; studies of earlier versions all have it."""
NUMBER_ATTRIBUTE, RESUMED_ATTRIBUTE = "trial_id", "goes_on"
"""User attributes: the number of a trial, and that of a trial that resumes after Optuna recorded
its end. Transferred trials have neither."""
PROMOTED_ATTRIBUTE = "promoted_from"
"""User attribute of a trial that resumes: the Optuna trial that holds its first part."""

WRITE_TIMEOUT = 600.0
"""Seconds of retrying a failed write, before the study ends."""


class RetryingJournalFile(JournalFileBackend):
    """Optuna's journal file, which retries writes and removes partial lines."""

    def __init__(self, file: Path, retry: Retry) -> None:
        """Open the file.

        Args:
            file: Path of the file.
            retry: How to retry failed writes.
        """
        super().__init__(str(file))
        self.file, self.retry = file, retry

    def append_logs(self, logs: list[dict[str, object]]) -> None:
        """Append lines."""
        size_before = self.retry(str(self.file), lambda: self.file.stat().st_size)
        attempted = False

        def append() -> None:
            nonlocal attempted
            if attempted:
                self.repair(size_before)
            attempted = True
            try:
                super(RetryingJournalFile, self).append_logs(logs)
            except RuntimeError as error:  # Optuna's error for a lock that it cannot release
                raise OSError(str(error)) from error

        self.retry(str(self.file), append)

    def repair(self, size: int) -> None:
        """Remove the partial lines and the lock of a failed attempt."""
        self.file.with_name(f"{self.file.name}.lock").unlink(missing_ok=True)
        with self.file.open("r+b") as opened:
            opened.truncate(size)


def load_optuna_study(folder: Path, retry: Retry | None = None) -> optuna.Study | None:
    """Return the Optuna study without changing the file; `None`: there is none yet.

    Args:
        folder: The results folder.
        retry: How to retry failed writes; `None`: raise.

    Raises:
        InputError: If it cannot be read, or a trial has a malformed number.
    """
    if not (folder / OPTUNA_FILE).exists():
        return None
    try:
        storage = open_optuna_storage(folder, retry=retry)
        names = optuna.get_all_study_names(storage)
        if not names:
            return None
        study = optuna.load_study(study_name=names[0], storage=storage)
        malformed = [
            n for n in map(own_number, study.get_trials(deepcopy=False)) if not is_trial_number(n)
        ]
    except Exception as error:  # Optuna validates nothing
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError([f"{folder / OPTUNA_FILE} cannot be read ({reason})."]) from None
    if malformed:
        raise InputError([
            f"{folder / OPTUNA_FILE}: trial_id must be a number such as 0007, got {malformed[0]!r}."
        ])
    return study


def repair_optuna_log(file: Path) -> None:
    """Remove what a process that was killed left in an Optuna log: a partial line and its lock.

    The lock of the event log guards both files.
    """
    trim_partial_line(file)
    file.with_name(f"{file.name}.lock").unlink(missing_ok=True)


def is_trial_number(number: str) -> bool:
    """Return whether a number is well-formed, or empty as that of a transferred trial."""
    return number == "" or bool(TRIAL_NUMBER.fullmatch(number))


def open_optuna_storage(
    folder: Path, name: str = OPTUNA_FILE, retry: Retry | None = None
) -> optuna.storages.BaseStorage:
    """Return the storage of the Optuna study, a file that optuna-dashboard reads too.

    Args:
        folder: The results folder.
        name: Name of the file.
        retry: How to retry failed writes; `None`: raise.
    """
    file = folder / name
    repair_optuna_log(file)
    backend = RetryingJournalFile(file, retry) if retry else JournalFileBackend(str(file))
    return optuna.storages.JournalStorage(backend)


def open_study(
    storage: optuna.storages.BaseStorage | None, goal: Goal, name: str = DEFAULT_STUDY_NAME
) -> optuna.Study:
    """Return the study of a name that a storage holds, or a new one."""
    directions = [optuna.study.StudyDirection.MAXIMIZE for _ in goal.objectives]
    return optuna.create_study(
        study_name=name, storage=storage, load_if_exists=True, directions=directions
    )


def enqueue_trial(study: optuna.Study, params: Mapping[str, object], number: str) -> None:
    """Queue a trial, with some of its parameters fixed."""
    study.enqueue_trial(dict(params), user_attrs={NUMBER_ATTRIBUTE: number})


def own_number(trial: optuna.trial.FrozenTrial) -> str:
    """Return the number of the trial that an Optuna trial belongs to; empty: transferred."""
    number: str = trial.user_attrs.get(NUMBER_ATTRIBUTE) or trial.user_attrs.get(
        RESUMED_ATTRIBUTE, ""
    )
    return number
