"""What the checkpoints of a study take on the disk, and which go first where that is limited."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path

from tuner.journal import Journal
from tuner.place import Local, Remote
from tuner.progress import Progress
from tuner.record import Record
from tuner.spoken import amount

SIZES = "down what checkpoints take"
BEHIND = re.compile("[-_]")
"""Behind the number of a trial in the name of its folder stands how often it went on."""


class Disk:
    """Holds the checkpoints of all trials below a budget."""

    def __init__(
        self,
        place: Local,
        progress: Progress,
        journal: Journal,
        caution: Callable[[str], None],
    ) -> None:
        """Look at what is there.

        Args:
            place: Where the results lie.
            progress: Knows the trials and the budget; is told what is used.
            journal: Where it is written down whose checkpoint goes.
            caution: Called, once, with what to say where the budget cannot be kept.
        """
        self.place, self.progress, self.journal = place, progress, journal
        self.caution: Callable[[str], None] | None = caution
        self.sizes: dict[str, dict[Path, int]] = {}
        self.largest, self.first = 0, True
        if self.counts:
            self.look()

    @property
    def counts(self) -> bool:
        """Whether anything is counted: at an address each look takes time, and needs a reason."""
        return self.progress.disk_budget is not None or not isinstance(self.place, Remote)

    def look(self) -> None:
        """Measure what is used by all trials."""
        there: dict[str, set[Path]] = {}
        for path in self.journal.patiently(SIZES, self.place.left):
            there.setdefault(BEHIND.split(path.parent.name)[0], set()).add(path)
        self.sizes, self.progress.disk = {}, 0
        for number, found in there.items():
            self.measure(number, found)

    def measure(self, number: str, found: set[Path]) -> None:
        """Measure what a trial uses, but for what is being written or about to be replaced.

        Args:
            number: The trial's.
            found: The checkpoints that it has left.
        """
        record = self.progress.records.get(number)
        named = kept(record) if record else set()
        there = {path for path in found if path.parent != passing(record)}
        before = self.sizes.get(number, {})
        now = {
            # what a trial has reported does not change any more
            path: before[path] if path in named and path in before else self.size(path)
            for path in there | named
        }
        self.sizes[number] = now
        self.progress.disk += sum(now.values()) - sum(before.values())
        self.largest = max(self.largest, *now.values(), 0)

    def found(self, folder: Path) -> list[Path]:
        """Return the checkpoints in a folder of a trial."""
        return self.journal.patiently(SIZES, partial(self.place.checkpoints, folder))

    def size(self, path: Path) -> int:
        """Return the bytes of a checkpoint."""
        return self.journal.patiently(SIZES, partial(self.place.size, path))

    def hold(self, record: Record | None = None) -> None:
        """Delete spare checkpoints, then those of the worst ended trials, until the others fit.

        Each running trial will write its next checkpoint before the last one goes, so that there
        must be room for one more of each.

        Args:
            record: A trial whose checkpoint was kept, or that has ended; any if none is given. The
                first time all are looked at, for an earlier run may have left something.
        """
        if not self.counts:
            return
        alone = None if self.first else record
        self.first = False
        if alone is None:
            self.look()
        else:
            self.again(alone)
        budget = self.progress.disk_budget
        if budget is None:
            return
        for each in self.progress.ended if alone is None else [alone]:
            self.sweep(each)
        left = chain(self.spares(), self.expendable())
        while self.progress.disk + self.coming() > budget and (worst := next(left, None)):
            self.drop(worst)
        if self.progress.disk > budget and self.caution:
            self.caution(
                f"disk_budget: the checkpoints of the leader and of trials that run take "
                f"{amount(self.progress.disk)}, more than {amount(budget)}; they are kept."
            )
            self.caution = None

    def again(self, record: Record) -> None:
        """Measure what a trial uses, where it is known to have left anything."""
        folders = {path.parent for path in self.sizes.get(record.trial_id, ())}
        folders |= {path.parent for path in kept(record)}
        there = {path for folder in folders - {passing(record)} for path in self.found(folder)}
        self.measure(record.trial_id, there)

    def coming(self) -> int:
        """Return the bytes of one more checkpoint a running trial."""
        return len(self.progress.running) * self.largest

    def expendable(self) -> Iterator[Record]:
        """Yield ended trials that left a checkpoint, worst first, the leader left out.

        Of equals the later goes first, because the earlier would win.
        """
        leader = self.progress.leader
        ended = [r for r in self.progress.ended if r.checkpoint and r is not leader]
        yield from reversed(sorted(ended, key=lambda record: record.score, reverse=True))

    def spares(self) -> list[Record]:
        """Return the trials that run and have a checkpoint to spare."""
        return [record for record in self.progress.running if record.spare]

    def drop(self, record: Record) -> None:
        """Delete the spare checkpoint of a trial that runs, or the checkpoint of one that ended."""
        if record.status == "running":
            self.place.remove(record.spare)
            record.spare = ""
            self.again(record)
            return
        record.checkpoint = ""
        self.journal.dropped(record)
        self.sweep(record)

    def sweep(self, record: Record) -> None:
        """Delete what a trial has left and no longer names, if it has ended."""
        if record.status == "running":
            return
        left = self.sizes.get(record.trial_id, {}).keys() - kept(record)
        for path in left:
            self.place.remove(str(path))  # what stays is still counted
        if left:
            self.again(record)


def kept(record: Record) -> set[Path]:
    """Return the newest checkpoint of a trial and the spare one, where it has them."""
    return {Path(path) for path in (record.checkpoint, record.spare) if path}


def passing(record: Record | None) -> Path | None:
    """Return where a trial writes, if it runs and has written anything."""
    if record is None or record.status != "running" or not record.checkpoint:
        return None
    return Path(record.checkpoint).parent
