"""Studies that change while they are looked at."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

from analysis.frames import Frames
from analysis.reading import STUDY, load
from analysis.report.diagnosed import FILE as DIAGNOSTICS
from analysis.report.page import page, sections
from analysis.report.payload import payload
from analysis.report.ranking import ranking
from analysis.report.rows import selected_rows
from analysis.report.underway import CUT_OFF, Pulse, caught_up, spoken
from trainables.problems import InputError
from trainables.ranges import in_full
from tuner.columns import EPOCHS, EVALUATION, TRIALS
from tuner.journal import FILE as JOURNAL
from tuner.lock import held

FILES = (STUDY, TRIALS, EPOCHS, EVALUATION, DIAGNOSTICS, JOURNAL)
LEISURE = 10.0
"""How many times as long as reading took is waited before it is read again."""


class Following:
    """Reads studies again whenever their files have changed, and keeps what it read last.

    A study that cannot be read for a while, because it is being moved or written, stays as it was.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        """Read the studies.

        Raises:
            InputError: If there are none.
        """
        self.folders = [in_full(folder) for folder in folders]
        self.lock = Lock()
        self.version = 0
        self.trouble = ""
        self.ended: tuple[str, ...] | None = None
        self.read()

    def read(self) -> None:
        """Read everything."""
        start, self.marks = time.monotonic(), list(marks(self.folders))
        frames, pulses = caught_up(load(*self.folders))
        self.frames: Frames = frames
        self.pulses: dict[str, Pulse] = pulses
        if (ended := tuple(ended_trials(frames))) != self.ended:
            self.ended, self.ranking = ended, ranking(frames)
        self.version += 1
        end = time.monotonic()
        self.rest_until = end + LEISURE * (end - start)

    def look(self) -> None:
        """Read again if anything has changed and the last time is long enough ago."""
        if time.monotonic() < self.rest_until or list(marks(self.folders)) == self.marks:
            return
        try:
            self.read()
            self.trouble = ""
        except (InputError, OSError) as error:
            self.trouble = f"Cannot be read at the moment ({f'{error}'.partition(chr(10))[0]}) "

    def page(self) -> str:
        """Return the whole page, as of now."""
        with self.lock:
            self.look()
            return page(self.frames, self.ranking, live=True)

    def news(self, version: str) -> dict[str, Any]:
        """Return the state, and all data if it is not of the version that is known.

        Args:
            version: What is known; empty if nothing is.
        """
        with self.lock:
            self.look()
            said = {"version": self.version, "state": self.trouble + spoken(self.pulses)}
            if version == str(self.version):
                return said
            texts = sections(self.frames, self.ranking)
            return {**said, "sections": texts, "data": payload(selected_rows(self.frames))}


def ended_trials(frames: Frames) -> Iterator[str]:
    """Yield the trials that have ended, which is all that their ranking hangs on."""
    ended = frames.trials[~frames.trials["status"].isin(["running", CUT_OFF])]
    yield from ended["study"].astype(str) + "/" + ended["trial_id"]


def marks(folders: Sequence[Path]) -> Iterator[tuple[int, int] | bool | None]:
    """Yield whether a search holds each study, and when its files were written, and their sizes.

    None stands for a file that is not there.
    """
    for folder in folders:
        yield held(folder / JOURNAL)
        for name in FILES:
            try:
                found = (folder / name).stat()
            except OSError:
                yield None
            else:
                yield found.st_mtime_ns, found.st_size
