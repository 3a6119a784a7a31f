"""Upload the changed files of a results folder while a study runs."""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from tuner.layout import EVENT_LOG_FILE, TRIALS_FOLDER
from tuner.storage.remote_copy import WorkingCopy

POLL_SECONDS = 1.0
"""Seconds between two searches for changed files."""
FINAL_RETRY_SECONDS = 120.0
"""Seconds to retry at the end while the storage fails."""

FileStamp = tuple[int, int]
"""Modification time (ns) and size (bytes) of a file."""


class Uploader:
    """Uploads changed files of a folder to its address in a thread, and repeats failed uploads.

    Ray uploads the checkpoints itself.
    """

    def __init__(
        self,
        working_copy: WorkingCopy,
        warn: Callable[[str], None],
        missing: Collection[Path] | None = None,
    ) -> None:
        """Start the thread.

        Args:
            working_copy: The folder and its address.
            warn: Called with a message if not everything could be uploaded at the end.
            missing: Files that the address lacks or holds in another version; `None`: all.
        """
        self.working_copy, self.warn = working_copy, warn
        self.uploaded: dict[Path, FileStamp] = {}
        if missing is not None:
            self.uploaded = {
                path: stamp for path, stamp in self.find_changed_files() if path not in missing
            }
        self.stop_event = threading.Event()
        self.thread = threading.Thread(target=self.upload_until_stopped, daemon=True)
        self.thread.start()

    def upload_until_stopped(self) -> None:
        """Upload changed files until `close` is called."""
        while not self.stop_event.wait(POLL_SECONDS):
            self.upload_changes()

    def upload_changes(self) -> Exception | None:
        """Upload the changed files; return the last error, if any upload failed.

        The event log comes first: the other files may be newer than it, as after a crash, but never
        older.
        """
        failure = None
        for path, stamp in self.find_changed_files():
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # renamed meanwhile
            try:
                self.working_copy.upload_file(path, content)
                self.uploaded[path] = stamp
            except OSError as error:
                failure = error
        return failure

    def find_changed_files(self) -> Iterator[tuple[Path, FileStamp]]:
        """Yield the files that the address lacks or has in another version, and their stamps."""
        folder = self.working_copy.folder
        roots = [path for path in folder.glob("*") if path.name != TRIALS_FOLDER]
        files = [f for path in roots for f in ([path] if path.is_file() else path.rglob("*"))]
        for path in sorted(files, key=lambda file: (file.name != EVENT_LOG_FILE, file)):
            if self.working_copy.is_private(path) or not path.is_file():
                continue
            status = path.stat()
            stamp = status.st_mtime_ns, status.st_size
            if self.uploaded.get(path) != stamp:
                yield path, stamp

    def close(self) -> None:
        """Stop the thread and upload the rest; retry for `FINAL_RETRY_SECONDS` if that fails."""
        self.stop_event.set()
        self.thread.join()
        end = time.monotonic() + FINAL_RETRY_SECONDS
        while failure := self.upload_changes():
            if time.monotonic() > end:
                reason = str(failure).splitlines()[0]
                folder, uri = self.working_copy.folder, self.working_copy.uri
                self.warn(f"results: {uri} lacks the newest files of {folder} ({reason}).")
                return
            time.sleep(POLL_SECONDS)
