"""A study's frames, journal and winner, brought to an address while it runs."""

import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from tuner.journal import FILE as JOURNAL
from tuner.working_copy import TRIALS, WorkingCopy

PAUSE = 1.0
"""Seconds between two looks at what has changed."""
PATIENCE = 120.0
"""Seconds to go on trying, at the end, with storage that refuses."""

Stamp = tuple[int, int]


class Mirror:
    """Copies what changes in a folder to its address, in a thread of its own.

    Ray brings checkpoints there itself. Storage that refuses is tried again.
    """

    def __init__(
        self,
        place: WorkingCopy,
        caution: Callable[[str], None],
        lacking: Collection[Path] | None = None,
    ) -> None:
        """Begin.

        Args:
            place: The folder and its address.
            caution: Called with what to say if not everything could be brought there.
            lacking: What of the folder the address does not have as it is here; all if none.
        """
        self.place, self.caution = place, caution
        self.brought: dict[Path, Stamp] = {}
        if lacking is not None:
            self.brought = {path: stamp for path, stamp in self.changed() if path not in lacking}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self) -> None:
        """Bring what changes, until it is over."""
        while not self.over.wait(PAUSE):
            self.bring()

    def bring(self) -> Exception | None:
        """Bring what has changed; return what went wrong, if anything did.

        The journal comes first: it may know less than what stands beside it, as after a crash, but
        never more.
        """
        failure = None
        for path, stamp in self.changed():
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue  # renamed meanwhile
            try:
                self.place.write(path, content)
                self.brought[path] = stamp
            except OSError as error:
                failure = error
        return failure

    def changed(self) -> Iterator[tuple[Path, Stamp]]:
        """Yield the files that are not at the address as they are here."""
        folder = self.place.folder
        found = [path for path in folder.glob("*") if path.name != TRIALS]
        files = [f for path in found for f in ([path] if path.is_file() else path.rglob("*"))]
        for path in sorted(files, key=lambda file: (file.name != JOURNAL, file)):
            if self.place.hides(path) or not path.is_file():
                continue
            about = path.stat()
            stamp = about.st_mtime_ns, about.st_size
            if self.brought.get(path) != stamp:
                yield path, stamp

    def close(self) -> None:
        """Bring the rest, with patience."""
        self.over.set()
        self.thread.join()
        end = time.monotonic() + PATIENCE
        while failure := self.bring():
            if time.monotonic() > end:
                reason = str(failure).splitlines()[0]
                folder, uri = self.place.folder, self.place.uri
                self.caution(f"results: {uri} lacks the newest of {folder} ({reason}).")
                return
            time.sleep(PAUSE)
