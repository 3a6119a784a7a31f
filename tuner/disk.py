"""What the checkpoints of a study take on the disk, and which go first where that is limited."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tuner.display import amount
from tuner.journal import Journal
from tuner.progress import Progress, Record

CHECKPOINTS = "checkpoint_*"
"""In the folder of a trial, as Ray names them."""
BEHIND = re.compile("[-_]")
"""Behind the number of a trial in the name of its folder stands how often it went on."""


class Disk:
    """Holds the checkpoints of all trials below a budget."""

    def __init__(
        self,
        folder: Path,
        progress: Progress,
        journal: Journal,
        caution: Callable[[str], None],
    ) -> None:
        """Look at what is there.

        Args:
            folder: With a folder a run and in it one a trial, as Ray makes them.
            progress: Knows the trials and the budget; is told what is used.
            journal: Where it is written down whose checkpoint goes.
            caution: Called, once, with what to say where the budget cannot be kept.
        """
        self.folder, self.progress, self.journal = folder, progress, journal
        self.caution: Callable[[str], None] | None = caution
        self.sizes: dict[Path, int] = {}
        self.look()

    def look(self) -> None:
        """Measure what is used, but for what is being written or about to be replaced."""
        named = self.named()
        passing = {
            path
            for record in self.progress.running
            if record.checkpoint
            for path in Path(record.checkpoint).parent.glob(CHECKPOINTS)
        } - named
        self.sizes = {
            # what a trial has reported does not change any more
            path: self.sizes[path] if path in named and path in self.sizes else size(path)
            for path in set(self.folder.glob(f"*/*/{CHECKPOINTS}")) - passing
        }
        self.progress.disk = sum(self.sizes.values())

    def named(self) -> set[Path]:
        """Return the newest checkpoint of every trial that has one, and the spare ones."""
        records = self.progress.records.values()
        return {Path(p) for record in records for p in (record.checkpoint, record.spare) if p}

    def hold(self) -> None:
        """Delete spare checkpoints, then those of the worst ended trials, until the others fit.

        Each running trial will write its next checkpoint before the last one goes, so that there
        must be room for one more of each.
        """
        self.look()
        budget = self.progress.disk_budget
        if budget is None:
            return
        self.sweep()
        for record in self.progress.running:
            if record.spare and self.progress.disk + self.coming() > budget:
                shutil.rmtree(record.spare, ignore_errors=True)
                record.spare = ""
                self.look()
        for record in self.expendable():
            if self.progress.disk + self.coming() <= budget:
                return
            self.drop(record)
        if self.progress.disk > budget and self.caution:
            self.caution(
                f"disk_budget: the checkpoints of the leader and of trials that run take "
                f"{amount(self.progress.disk)}, more than {amount(budget)}; they are kept."
            )
            self.caution = None

    def coming(self) -> int:
        """Return the bytes of one more checkpoint a running trial."""
        return len(self.progress.running) * max(self.sizes.values(), default=0)

    def expendable(self) -> Iterator[Record]:
        """Yield ended trials that left a checkpoint, worst first, the leader left out.

        Of equals the later goes first, because the earlier would win.
        """
        leader = self.progress.leader
        ended = [r for r in self.progress.ended if r.checkpoint and r is not leader]
        yield from reversed(sorted(ended, key=lambda record: record.score, reverse=True))

    def drop(self, record: Record) -> None:
        """Delete the checkpoint of a trial."""
        record.checkpoint = ""
        self.journal.dropped(record)
        self.sweep()

    def sweep(self) -> None:
        """Delete what ended trials have left and no longer name, earlier runs' leavings too."""
        ended = {record.trial_id for record in self.progress.ended}
        unnamed = self.sizes.keys() - self.named()
        left = [path for path in unnamed if BEHIND.split(path.parent.name)[0] in ended]
        for path in left:
            shutil.rmtree(path, ignore_errors=True)  # what stays is still counted
        if left:
            self.look()


def size(folder: Path) -> int:
    """Return the bytes of the files in a folder, none if it is being deleted."""
    try:
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    except FileNotFoundError:
        return 0
