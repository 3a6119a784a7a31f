"""Reload running studies for the live page."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

from analysis.frames import Frames
from analysis.loading import load
from analysis.report.diagnostics import DIAGNOSTICS_FILE
from analysis.report.page import render_page, render_sections
from analysis.report.payload import build_payload
from analysis.report.ranking import build_ranking
from analysis.report.running_study import (
    CUT_OFF_STATUS,
    LiveStatus,
    add_running_trials,
    describe_statuses,
)
from analysis.report.trials import add_selected_epochs
from trainables.errors import InputError
from trainables.hparams.ranges import absolute_path
from tuner.layout import EPOCHS_FILE, EVALUATION_FILE, EVENT_LOG_FILE, SEARCH_FILE, TRIALS_FILE
from tuner.storage.safe_files import is_locked

WATCHED_FILES = (
    SEARCH_FILE,
    TRIALS_FILE,
    EPOCHS_FILE,
    EVALUATION_FILE,
    DIAGNOSTICS_FILE,
    EVENT_LOG_FILE,
)
PAUSE_FACTOR = 10.0
"""How many times as long as reading took is waited before it is read again."""


class LiveReport:
    """Reads studies again when their files have changed, and caches the result.

    A study that cannot be read for a while, because it is being moved or written, stays as it was.
    """

    def __init__(self, folders: Sequence[str]) -> None:
        """Read the studies.

        Raises:
            InputError: If there are none.
        """
        self.folders = [absolute_path(folder) for folder in folders]
        self.lock = Lock()
        self.version = 0
        self.error_message = ""
        self.ended_trials: tuple[str, ...] | None = None
        self.reload()

    def reload(self) -> None:
        """Read everything."""
        start, self.file_states = time.monotonic(), list(list_file_states(self.folders))
        frames, pulses = add_running_trials(load(*self.folders))
        self.frames: Frames = frames
        self.statuses: dict[str, LiveStatus] = pulses
        if (ended := tuple(list_ended_trials(frames))) != self.ended_trials:
            self.ended_trials, self.ranking = ended, build_ranking(frames)
        self.version += 1
        end = time.monotonic()
        self.next_read_at = end + PAUSE_FACTOR * (end - start)

    def reload_if_changed(self) -> None:
        """Read again if anything has changed and the last time is long enough ago."""
        if (
            time.monotonic() < self.next_read_at
            or list(list_file_states(self.folders)) == self.file_states
        ):
            return
        try:
            self.reload()
            self.error_message = ""
        except (InputError, OSError) as error:
            self.error_message = (
                f"Cannot be read at the moment ({f'{error}'.partition(chr(10))[0]}) "
            )

    def render(self) -> str:
        """Return the whole page, as of now."""
        with self.lock:
            self.reload_if_changed()
            return render_page(self.frames, self.ranking, live=True)

    def get_updates(self, version: str) -> dict[str, object]:
        """Return the state, and all data unless the browser has this version already.

        Args:
            version: What is known; empty if nothing is.
        """
        with self.lock:
            self.reload_if_changed()
            state = {
                "version": self.version,
                "state": self.error_message + describe_statuses(self.statuses),
            }
            if version == str(self.version):
                return state
            texts = render_sections(self.frames, self.ranking)
            return {
                **state,
                "sections": texts,
                "data": build_payload(add_selected_epochs(self.frames)),
            }


def list_ended_trials(frames: Frames) -> Iterator[str]:
    """Yield the trials that have ended, on which their ranking depends."""
    ended = frames.trials[~frames.trials["status"].isin(["running", CUT_OFF_STATUS])]
    yield from ended["study"].astype(str) + "/" + ended["trial_id"]


def list_file_states(folders: Sequence[Path]) -> Iterator[tuple[int, int] | bool | None]:
    """Yield for each study whether a search is running, and times and sizes of its files.

    `None`: the file does not exist.
    """
    for folder in folders:
        yield is_locked(folder / EVENT_LOG_FILE)
        for name in WATCHED_FILES:
            try:
                found = (folder / name).stat()
            except OSError:
                yield None
            else:
                yield found.st_mtime_ns, found.st_size
