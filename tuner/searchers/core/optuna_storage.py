"""The searcher's study, in a file on storage that may refuse for a while."""

from pathlib import Path

import optuna
from optuna.storages.journal import JournalFileBackend

from trainables.errors import InputError
from trainables.io.retry import Retry
from tuner.layout import OPTUNA_FILE
from tuner.searchers.core.optuna_searcher import STUDY_NAME, own_number
from tuner.storage.event_log import trim_partial_line
from tuner.storage.event_schema import TRIAL_NUMBER

WRITE_TIMEOUT = 600.0
"""Seconds that a study tries to write what the storage refuses, before it ends."""


class RetryingJournalFile(JournalFileBackend):
    """Optuna's file, whose lines are whole or not there."""

    def __init__(self, file: Path, patience: Retry) -> None:
        """Open the file.

        Args:
            file: Where it is.
            patience: How to write while the storage refuses.
        """
        super().__init__(str(file))
        self.file, self.retry = file, patience

    def append_logs(self, logs: list[dict[str, object]]) -> None:
        """Write lines."""
        whole = self.retry(str(self.file), lambda: self.file.stat().st_size)
        torn = False

        def append() -> None:
            nonlocal torn
            if torn:
                self.repair(whole)
            torn = True
            try:
                super(RetryingJournalFile, self).append_logs(logs)
            except RuntimeError as error:  # what Optuna makes of a lock that it cannot let go
                raise OSError(str(error)) from error

        self.retry(str(self.file), append)

    def repair(self, size: int) -> None:
        """Take back what an attempt has left: a part of its lines, and its lock."""
        self.file.with_name(f"{self.file.name}.lock").unlink(missing_ok=True)
        with self.file.open("r+b") as opened:
            opened.truncate(size)


def load_optuna_study(folder: Path, patience: Retry | None = None) -> optuna.Study | None:
    """Return the searcher's study, or none if there is none yet; leave no trace of looking.

    Args:
        folder: The results folder.
        patience: How to write to it while the storage refuses; without, that is raised.

    Raises:
        InputError: If it cannot be read, or a trial of it has no number as ours do.
    """
    if not (folder / OPTUNA_FILE).exists():
        return None
    try:
        storage = open_optuna_storage(folder, retry=patience)
        if STUDY_NAME not in optuna.get_all_study_names(storage):
            return None
        study = optuna.load_study(study_name=STUDY_NAME, storage=storage)
        strange = [
            n for n in map(own_number, study.get_trials(deepcopy=False)) if not is_trial_number(n)
        ]
    except Exception as error:  # Optuna believes every line
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError([f"{folder / OPTUNA_FILE} cannot be read ({reason})."]) from None
    if strange:
        raise InputError([
            f"{folder / OPTUNA_FILE}: trial_id must be a number such as 0007, got {strange[0]!r}."
        ])
    return study


def repair_optuna_log(file: Path) -> None:
    """Remove what a process that was killed left in an Optuna log: a partial line and its lock.

    The lock of the event log guards both files.
    """
    trim_partial_line(file)
    file.with_name(f"{file.name}.lock").unlink(missing_ok=True)


def is_trial_number(number: str) -> bool:
    """Return whether a number can be that of a trial of ours, or says that it is of none."""
    return number == "" or bool(TRIAL_NUMBER.fullmatch(number))


def open_optuna_storage(
    folder: Path, name: str = OPTUNA_FILE, retry: Retry | None = None
) -> optuna.storages.BaseStorage:
    """Return where the searcher's study is kept: a file that optuna-dashboard opens too.

    Args:
        folder: The results folder.
        name: Of the file.
        retry: How to write while the storage refuses; without, that is raised.
    """
    file = folder / name
    repair_optuna_log(file)
    backend = RetryingJournalFile(file, retry) if retry else JournalFileBackend(str(file))
    return optuna.storages.JournalStorage(backend)
