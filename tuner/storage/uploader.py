"""Upload the changed files of a results folder while a study runs."""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from tuner.layout import EVENT_LOG_FILE, TRIALS_FOLDER
from tuner.storage.remote_copy import WorkingCopy

POLL_SECONDS = 1.0
"""Seconds between two looks at what has changed."""
FINAL_RETRY_SECONDS = 120.0
"""Seconds to retry at the end while the storage fails."""

FileStamp = tuple[int, int]


class Uploader:
    """Copies what changes in a folder to its address, in a separate thread.

    Ray brings checkpoints there itself. Storage that refuses is tried again.
    """

    def __init__(
        self,
        working_copy: WorkingCopy,
        warn: Callable[[str], None],
        missing: Collection[Path] | None = None,
    ) -> None:
        """Begin.

        Args:
            working_copy: The folder and its address.
            warn: Called with what to say if not everything could be brought there.
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
        """Bring what changes, until it is over."""
        while not self.stop_event.wait(POLL_SECONDS):
            self.upload_changes()

    def upload_changes(self) -> Exception | None:
        """Bring what has changed; return what went wrong, if anything did.

        The journal comes first: it may know less than what stands beside it, as after a crash, but
        never more.
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
        """Yield the files that are not at the address as they are here."""
        folder = self.working_copy.folder
        found = [path for path in folder.glob("*") if path.name != TRIALS_FOLDER]
        files = [f for path in found for f in ([path] if path.is_file() else path.rglob("*"))]
        for path in sorted(files, key=lambda file: (file.name != EVENT_LOG_FILE, file)):
            if self.working_copy.is_private(path) or not path.is_file():
                continue
            about = path.stat()
            stamp = about.st_mtime_ns, about.st_size
            if self.uploaded.get(path) != stamp:
                yield path, stamp

    def close(self) -> None:
        """Bring the rest, with patience."""
        self.stop_event.set()
        self.thread.join()
        end = time.monotonic() + FINAL_RETRY_SECONDS
        while failure := self.upload_changes():
            if time.monotonic() > end:
                reason = str(failure).splitlines()[0]
                folder, uri = self.working_copy.folder, self.working_copy.uri
                self.warn(f"results: {uri} lacks the newest of {folder} ({reason}).")
                return
            time.sleep(POLL_SECONDS)
