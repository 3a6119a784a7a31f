"""Checkpoint retention: measure disk usage and delete the worst checkpoints over a budget."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from tuner.cli.format import format_bytes
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage.event_log import EventLog
from tuner.storage.results_store import LocalStore, RemoteStore

RETRY_LABEL = "down what checkpoints take"
FOLDER_SEPARATOR = re.compile("[-_]")
"""Separates the trial number from the resume count in a folder name."""


class CheckpointRetention:
    """Holds the checkpoints of all trials below a budget."""

    def __init__(
        self,
        store: LocalStore,
        progress: StudyProgress,
        event_log: EventLog,
        warn: Callable[[str], None],
    ) -> None:
        """Look at what is there.

        Args:
            store: Where the results lie.
            progress: Holds the trials and the budget; its `disk_bytes` is updated.
            event_log: Where it is written down whose checkpoint goes.
            warn: Called, once, with what to say where the budget cannot be kept.
        """
        self.store, self.progress, self.event_log = store, progress, event_log
        self.warn: Callable[[str], None] | None = warn
        self.sizes: dict[str, dict[Path, int]] = {}
        self.largest_checkpoint, self.is_first_check = 0, True
        if self.is_measured:
            self.measure_all()

    @property
    def is_measured(self) -> bool:
        """Whether anything is counted: at an address each look takes time, and needs a reason."""
        return self.progress.disk_budget is not None or not isinstance(self.store, RemoteStore)

    def measure_all(self) -> None:
        """Measure what is used by all trials."""
        there: dict[str, set[Path]] = {}
        for path in self.event_log.retry(RETRY_LABEL, self.store.list_all_checkpoints):
            there.setdefault(FOLDER_SEPARATOR.split(path.parent.name)[0], set()).add(path)
        self.sizes, self.progress.disk_bytes = {}, 0
        for number, found in there.items():
            self.measure_trial(number, found)

    def measure_trial(self, number: str, checkpoints: set[Path]) -> None:
        """Measure what a trial uses, but for what is being written or about to be replaced.

        Args:
            number: The trial's.
            checkpoints: The checkpoints that it has left.
        """
        record = self.progress.records.get(number)
        named = named_checkpoints(record) if record else set()
        there = {path for path in checkpoints if path.parent != active_folder(record)}
        before = self.sizes.get(number, {})
        now = {
            # what a trial has reported does not change any more
            path: before[path] if path in named and path in before else self.checkpoint_bytes(path)
            for path in there | named
        }
        self.sizes[number] = now
        self.progress.disk_bytes += sum(now.values()) - sum(before.values())
        self.largest_checkpoint = max(self.largest_checkpoint, *now.values(), 0)

    def list_checkpoints(self, folder: Path) -> list[Path]:
        """Return the checkpoints in a folder of a trial."""
        return self.event_log.retry(RETRY_LABEL, partial(self.store.list_checkpoints, folder))

    def checkpoint_bytes(self, path: Path) -> int:
        """Return the bytes of a checkpoint."""
        return self.event_log.retry(RETRY_LABEL, partial(self.store.checkpoint_bytes, path))

    def enforce_budget(self, record: Record | None = None) -> None:
        """Delete previous checkpoints, then those of the worst ended trials, until the rest fit.

        A running trial writes its next checkpoint before the last one is deleted, so the budget
        must leave space for one more per running trial.

        Args:
            record: The trial that saved a checkpoint or ended; `None`: all trials. The first call
                checks all trials, because an earlier run may have left files.
        """
        if not self.is_measured:
            return
        alone = None if self.is_first_check else record
        self.is_first_check = False
        if alone is None:
            self.measure_all()
        else:
            self.remeasure_trial(alone)
        budget = self.progress.disk_budget
        if budget is None:
            return
        for each in self.progress.ended_trials if alone is None else [alone]:
            self.delete_leftovers(each)
        left = chain(self.trials_with_previous(), self.deletable_trials())
        while self.progress.disk_bytes + self.pending_bytes() > budget and (
            worst := next(left, None)
        ):
            self.drop_checkpoint(worst)
        if self.progress.disk_bytes > budget and self.warn:
            self.warn(
                f"disk_budget: the checkpoints of the leader and of trials that run take "
                f"{format_bytes(self.progress.disk_bytes)}, more than {format_bytes(budget)}; they are kept."
            )
            self.warn = None

    def remeasure_trial(self, record: Record) -> None:
        """Measure what a trial uses, where it is known to have left anything."""
        folders = {path.parent for path in self.sizes.get(record.trial_id, ())}
        folders |= {path.parent for path in named_checkpoints(record)}
        there = {
            path
            for folder in folders - {active_folder(record)}
            for path in self.list_checkpoints(folder)
        }
        self.measure_trial(record.trial_id, there)

    def pending_bytes(self) -> int:
        """Return the bytes of one more checkpoint a running trial."""
        return len(self.progress.running_trials) * self.largest_checkpoint

    def deletable_trials(self) -> Iterator[Record]:
        """Yield ended trials that left a checkpoint, worst first, the leader left out.

        Of equals the later goes first, because the earlier would win.
        """
        leader = self.progress.leader
        ended = [r for r in self.progress.ended_trials if r.checkpoint and r is not leader]
        yield from reversed(sorted(ended, key=lambda record: record.score, reverse=True))

    def trials_with_previous(self) -> list[Record]:
        """Return the running trials that have a previous checkpoint."""
        return [record for record in self.progress.running_trials if record.previous_checkpoint]

    def drop_checkpoint(self, record: Record) -> None:
        """Delete the previous checkpoint of a running trial, or the checkpoint of an ended one."""
        if record.status == "running":
            self.store.delete_checkpoint(record.previous_checkpoint)
            record.previous_checkpoint = ""
            self.remeasure_trial(record)
            return
        record.checkpoint = ""
        self.event_log.log_checkpoint_deletion(record)
        self.delete_leftovers(record)

    def delete_leftovers(self, record: Record) -> None:
        """Delete what a trial has left and no longer names, if it has ended."""
        if record.status == "running":
            return
        left = self.sizes.get(record.trial_id, {}).keys() - named_checkpoints(record)
        for path in left:
            self.store.delete_checkpoint(str(path))  # what stays is still counted
        if left:
            self.remeasure_trial(record)


def named_checkpoints(record: Record) -> set[Path]:
    """Return the newest and the previous checkpoint of a trial, if it has them."""
    return {Path(path) for path in (record.checkpoint, record.previous_checkpoint) if path}


def active_folder(record: Record | None) -> Path | None:
    """Return where a trial writes, if it runs and has written anything."""
    if record is None or record.status != "running" or not record.checkpoint:
        return None
    return Path(record.checkpoint).parent
