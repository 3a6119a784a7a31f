"""The searcher's study, in a file on storage that may refuse for a while."""

from pathlib import Path

from optuna.storages.journal import JournalFileBackend

from trainables.patience import Retry

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
