"""Save the frames, trackers and remote copy of a study while it runs and when it ends."""

from collections.abc import Callable, Mapping
from functools import partial

from ray.exceptions import RayError

from trainables.io.retry import Retry, RetryTimeout
from tuner.config.plan import Plan
from tuner.layout import SEARCH_FILE
from tuner.monitoring.throttle import Throttle
from tuner.monitoring.tracking import TrackerSet
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage import results_folder
from tuner.storage.event_log import EventLog
from tuner.storage.results_store import LocalStore, RemoteStore
from tuner.storage.uploader import Uploader

SAVE_SECONDS = 30.0
"""Seconds between two writes of the frames, so that large studies do not write all the time."""
SAVE_SHARE = 0.02
"""Largest share of the time spent on writing: frames of a million epochs take seconds."""


def error_of(action: Callable[[], None]) -> str:
    """Call an action; return the storage error that ended it, or "".

    Ray and trackers do not retry writes, so that their `OSError`s count too.

    Raises:
        RayError: Passed on; its time-outs are `OSError`s, but not of the storage.
    """
    try:
        action()
    except RayError:
        raise
    except (RetryTimeout, OSError) as error:
        return str(error)
    return ""


def mark_interrupted(plan: Plan, progress: StudyProgress) -> bool:
    """Set the status of trials that still run; return whether the study was interrupted."""
    running = progress.running_trials
    for record in running:
        record.status = "stopped"
    interrupted = not progress.is_out_of_time and (
        bool(running) or len(progress.records) < plan.trials
    )
    for record in progress.records.values():
        record.is_paused = record.is_paused and interrupted
    return interrupted


class StudyRecorder:
    """Keeps the frames, trackers and remote copy of a study up to date."""

    def __init__(
        self,
        store: LocalStore,
        plan: Plan,
        progress: StudyProgress,
        event_log: EventLog,
        retry: Retry,
        warn: Callable[[str], None],
        description: Mapping[str, object],
    ) -> None:
        """Connect the parts.

        Args:
            store: The results folder.
            plan: The plan.
            progress: The state of the study.
            event_log: The log of all trial events.
            retry: Repeats writes that the storage refuses.
            warn: Called with warnings for the user.
            description: The content of `search.yaml`.
        """
        self.plan, self.progress, self.description = plan, progress, description
        self.store, self.retry = store, retry
        self.frame_writer = FrameWriter(store, plan, progress, retry)
        self.trackers = TrackerSet(plan.settings.tracker, store.folder, warn)
        mirrors = [Uploader(store, warn)] if isinstance(store, RemoteStore) else []
        self.close_functions = [
            self.trackers.close,
            event_log.close,
            *(each.close for each in mirrors),
        ]

    def on_trial_change(self, record: Record) -> None:
        """Save what changed when a trial started, reported or ended."""
        self.frame_writer.on_trial_change(record)
        self.trackers.on_trial_change(record)

    def close(self, *, can_be_complete: bool = False) -> tuple[str, bool]:
        """Write the frames and close everything.

        Args:
            can_be_complete: Whether the study is complete if no trial is left to run.

        Returns:
            The storage error, "" if there was none, and whether the study was interrupted.
        """
        interrupted = mark_interrupted(self.plan, self.progress)
        storage_error = error_of(self.frame_writer.save_frames)
        if can_be_complete and not (interrupted or storage_error or self.progress.was_cut_short):
            storage_error = error_of(self.mark_finished)
        for close in self.close_functions:
            close()
        return storage_error, interrupted

    def mark_finished(self) -> None:
        """Write to `search.yaml` that the study is complete, so that `resume=auto` passes it by."""
        content = {**self.description, "finished": True}
        write = partial(results_folder.write_search_yaml, self.store.folder, content)
        self.retry(SEARCH_FILE, write)


class FrameWriter:
    """Writes the frames when trials end, at a limited rate."""

    def __init__(
        self, store: LocalStore, plan: Plan, progress: StudyProgress, retry: Retry
    ) -> None:
        self.store, self.plan, self.progress = store, plan, progress
        self.retry = retry
        self.throttle = Throttle(SAVE_SECONDS, SAVE_SHARE)

    def on_trial_change(self, record: Record) -> None:
        """Save if a trial ended and the throttle permits."""
        if record.status != "running" and self.throttle.ready:
            self.save_frames()

    def save_frames(self) -> None:
        """Write the frames, with retries."""
        with self.throttle.timed():
            self.retry(f"the frames in {self.store.folder}", self.write_frames)

    def write_frames(self) -> None:
        """Write the frames and the winner, and fetch its weights if they are remote.

        Raises:
            OSError: If a write fails.
        """
        if self.progress.leader is not None:
            self.store.fetch_checkpoint(self.progress.leader.checkpoint)
        results_folder.write_results(self.store.folder, self.plan, self.progress)
