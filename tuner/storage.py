"""The searcher's study, in a file on storage that may refuse for a while."""

from pathlib import Path

from optuna.storages.journal import JournalFileBackend

from trainables.patience import Patience

PATIENCE = 600.0
"""Seconds that a study tries to write what the storage refuses, before it ends."""


class PatientFile(JournalFileBackend):
    """Optuna's file, whose lines are whole or not there."""

    def __init__(self, file: Path, patience: Patience) -> None:
        """Open the file.

        Args:
            file: Where it is.
            patience: How to write while the storage refuses.
        """
        super().__init__(str(file))
        self.file, self.patiently = file, patience

    def append_logs(self, logs: list[dict[str, object]]) -> None:
        """Write lines."""
        whole = self.patiently(str(self.file), lambda: self.file.stat().st_size)
        torn = False

        def append() -> None:
            nonlocal torn
            if torn:
                self.mend(whole)
            torn = True
            try:
                super(PatientFile, self).append_logs(logs)
            except RuntimeError as error:  # what Optuna makes of a lock that it cannot let go
                raise OSError(str(error)) from error

        self.patiently(str(self.file), append)

    def mend(self, size: int) -> None:
        """Take back what an attempt has left: a part of its lines, and its lock."""
        self.file.with_name(f"{self.file.name}.lock").unlink(missing_ok=True)
        with self.file.open("r+b") as opened:
            opened.truncate(size)
