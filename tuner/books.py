"""What is kept of a study while it runs, and what is left when it is over."""

from collections.abc import Callable

from ray.exceptions import RayError

from trainables.patience import GaveUpError, Patience
from tuner import results
from tuner.journal import Journal
from tuner.mirror import Mirror
from tuner.pace import Pace
from tuner.place import Local, Remote
from tuner.plan import Plan
from tuner.progress import Progress
from tuner.record import Record
from tuner.tracking import Tracking

SAVE_EVERY = 30.0
"""Seconds between two writes of the frames, so that large studies do not write all the time."""
SAVE_SHARE = 0.02
"""Of the time that this takes at most: frames of a million epochs take seconds."""


def refused(act: Callable[[], None]) -> str:
    """Act; return what the storage refused for too long, nothing if it did not.

    Ray and trackers do not write patiently, so that what they raise of the storage counts too.

    Raises:
        RayError: Whose time-outs are OSErrors, but none of the storage's.
    """
    try:
        act()
    except RayError:
        raise
    except (GaveUpError, OSError) as error:
        return str(error)
    return ""


def settle(plan: Plan, progress: Progress) -> bool:
    """Give trials that were cut off their status; return whether the study was interrupted."""
    cut_off = progress.running
    for record in cut_off:
        record.status = "stopped"
    budget = plan.settings.time_budget
    out_of_time = budget is not None and progress.elapsed >= budget
    return not out_of_time and (bool(cut_off) or len(progress.records) < plan.trials)


class Books:
    """What is kept of a study besides its journal: frames, trackers, all of it at an address."""

    def __init__(
        self,
        place: Local,
        plan: Plan,
        progress: Progress,
        journal: Journal,
        patience: Patience,
        caution: Callable[[str], None],
    ) -> None:
        self.plan, self.progress = plan, progress
        self.saver = Saver(place, plan, progress, patience)
        self.tracking = Tracking(plan.settings.tracker, place.folder, caution)
        mirrors = [Mirror(place, caution)] if isinstance(place, Remote) else []
        self.closing = [self.tracking.close, journal.close, *(each.close for each in mirrors)]

    def tell(self, record: Record) -> None:
        """Take note of a trial that began, reported or ended."""
        self.saver.tell(record)
        self.tracking.tell(record)

    def close(self) -> tuple[str, bool]:
        """Leave all that is known.

        Returns:
            What the storage refused, and whether the study was interrupted.
        """
        interrupted = settle(self.plan, self.progress)
        refusal = refused(self.saver.save)
        for close in self.closing:
            close()
        return refusal, interrupted


class Saver:
    """Writes the frames when trials end, but not all the time."""

    def __init__(self, place: Local, plan: Plan, progress: Progress, patience: Patience) -> None:
        self.place, self.plan, self.progress = place, plan, progress
        self.patiently = patience
        self.pace = Pace(SAVE_EVERY, SAVE_SHARE)

    def tell(self, record: Record) -> None:
        """Save if a trial ended and the last time is long enough ago."""
        if record.status != "running" and self.pace.due:
            self.save()

    def save(self) -> None:
        """Write everything that is known."""
        with self.pace.turn():
            self.patiently(f"the frames in {self.place.folder}", self.write)

    def write(self) -> None:
        """Write the frames and the winner, whose weights may have to be fetched.

        Raises:
            OSError: If the storage refuses.
        """
        if self.progress.leader is not None:
            self.place.fetch(self.progress.leader.checkpoint)
        results.write(self.place.folder, self.plan, self.progress)
