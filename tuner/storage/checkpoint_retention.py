"""Checkpoint retention: measure disk usage and delete the worst checkpoints over a budget."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from tuner.cli.format import format_bytes
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage.event_log import EventLog
from tuner.storage.results_store import LocalStore, RemoteStore

RETRY_LABEL = "the sizes of checkpoints"
"""Completes the message "cannot write ... (reason)"."""
FOLDER_SEPARATOR = re.compile("[-_]")
"""Separates the trial number from the resume count in a folder name."""


class CheckpointRetention:
    """Keeps the size of the checkpoints of all trials below a budget."""

    def __init__(
        self,
        store: LocalStore,
        progress: StudyProgress,
        event_log: EventLog,
        warn: Callable[[str], None],
    ) -> None:
        """Measure the checkpoints that exist.

        Args:
            store: Where the results are stored.
            progress: Holds the trials and the budget; its `disk_bytes` is updated.
            event_log: Where deletions of checkpoints are logged.
            warn: Called once, with a message, if the budget cannot be kept.
        """
        self.store, self.progress, self.event_log = store, progress, event_log
        self.warn: Callable[[str], None] | None = warn
        self.sizes: dict[str, dict[Path, int]] = {}
        self.largest_checkpoint, self.is_first_check = 0, True
        if self.is_measured:
            self.measure_all()

    @property
    def is_measured(self) -> bool:
        """Whether sizes are measured: at an address, where it is slow, only for a budget."""
        return self.progress.disk_budget is not None or not isinstance(self.store, RemoteStore)

    def measure_all(self) -> None:
        """Measure the checkpoints of all trials."""
        by_trial: dict[str, set[Path]] = {}
        for path in self.event_log.retry(RETRY_LABEL, self.store.list_all_checkpoints):
            by_trial.setdefault(number_of_trial(path), set()).add(path)
        self.sizes, self.progress.disk_bytes = {}, 0
        for number, checkpoints in by_trial.items():
            self.measure_trial(number, checkpoints)

    def measure_trial(self, number: str, checkpoints: set[Path]) -> None:
        """Measure the checkpoints of a trial, without those that it is writing or replacing.

        Args:
            number: The number of the trial.
            checkpoints: Its checkpoints in the store.
        """
        record = self.progress.records.get(number)
        named = named_checkpoints(record) if record else set()
        inactive = {path for path in checkpoints if path.parent != active_folder(record)}
        old_sizes = self.sizes.get(number, {})
        new_sizes = {
            # a checkpoint that a trial has reported does not change any more
            path: old_sizes[path]
            if path in named and path in old_sizes
            else self.checkpoint_bytes(path)
            for path in inactive | named
        }
        self.sizes[number] = new_sizes
        self.progress.disk_bytes += sum(new_sizes.values()) - sum(old_sizes.values())
        self.largest_checkpoint = max(self.largest_checkpoint, *new_sizes.values(), 0)

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
        changed = None if self.is_first_check else record
        self.is_first_check = False
        if changed is None:
            self.measure_all()
        else:
            self.remeasure_trial(changed)
        budget = self.progress.disk_budget
        if budget is None:
            return
        for trial in self.progress.ended_trials if changed is None else [changed]:
            self.delete_leftovers(trial)
        candidates = chain(self.trials_with_previous(), self.deletable_trials())
        while self.progress.disk_bytes + self.pending_bytes() > budget and (
            worst := next(candidates, None)
        ):
            self.drop_checkpoint(worst)
        if self.progress.disk_bytes > budget and self.warn:
            self.warn(
                "disk_budget: the checkpoints of the best trial and of running trials take "
                f"{format_bytes(self.progress.disk_bytes)}, more than {format_bytes(budget)}; "
                "they are kept."
            )
            self.warn = None

    def remeasure_trial(self, record: Record) -> None:
        """Measure the checkpoints of a trial again, in the folders that are known."""
        folders = {path.parent for path in self.sizes.get(record.trial_id, ())}
        folders |= {path.parent for path in named_checkpoints(record)}
        checkpoints = {
            path
            for folder in folders - {active_folder(record)}
            for path in self.list_checkpoints(folder)
        }
        self.measure_trial(record.trial_id, checkpoints)

    def pending_bytes(self) -> int:
        """Return the bytes that the next checkpoint of each running trial will take."""
        return len(self.progress.running_trials) * self.largest_checkpoint

    def deletable_trials(self) -> Iterator[Record]:
        """Yield the ended trials that have a checkpoint, worst first, without the best trial.

        Of equal trials the later comes first, because the earlier would win.
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
        """Delete the checkpoints that an ended trial no longer names; leave a running one alone."""
        if record.status == "running":
            return
        leftovers = self.sizes.get(record.trial_id, {}).keys() - named_checkpoints(record)
        for path in leftovers:
            self.store.delete_checkpoint(str(path))
        if leftovers:  # counts those that could not be deleted
            self.remeasure_trial(record)


def delete_unnamed_checkpoints(
    store: LocalStore, records: Iterable[Record], event_log: EventLog
) -> None:
    """Delete the checkpoints that no trial names: those that killed processes left.

    Args:
        store: Where the results are stored.
        records: All trials of the study, set back to their newest valid checkpoints.
        event_log: Its lock keeps other processes from writing checkpoints meanwhile.
    """
    existing = event_log.retry(
        RETRY_LABEL, lambda: [*store.list_all_checkpoints(), *store.list_copies()]
    )
    delete_unnamed(store, existing, records)


def delete_leftovers_of_dead_processes(
    store: LocalStore, record: Record, event_log: EventLog
) -> None:
    """Delete the checkpoints of an ended trial that its dead processes saved but did not report."""
    existing = event_log.retry(RETRY_LABEL, store.list_all_checkpoints)
    own = [path for path in existing if number_of_trial(path) == record.trial_id]
    delete_unnamed(store, own, [record])


def delete_unnamed(store: LocalStore, paths: Iterable[Path], records: Iterable[Record]) -> None:
    """Delete the checkpoints that none of the trials names."""
    named = {path.resolve() for record in records for path in named_checkpoints(record)}
    for path in paths:
        if path.resolve() not in named:
            store.delete_checkpoint(str(path))


def number_of_trial(checkpoint: Path) -> str:
    """Return the number of the trial that saved a checkpoint.

    >>> number_of_trial(Path("trials/1/0003-2/checkpoint_000001"))
    '0003'
    """
    return FOLDER_SEPARATOR.split(checkpoint.parent.name)[0]


def named_checkpoints(record: Record) -> set[Path]:
    """Return the newest and the previous checkpoint of a trial, if it has them."""
    return {Path(path) for path in (record.checkpoint, record.previous_checkpoint) if path}


def active_folder(record: Record | None) -> Path | None:
    """Return the folder of a running trial; `None`: it has ended or has no checkpoint."""
    if record is None or record.status != "running" or not record.checkpoint:
        return None
    return Path(record.checkpoint).parent
