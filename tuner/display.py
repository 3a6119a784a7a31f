"""What a person sees of a study under way: one live table, or a line of text per event."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from trainables.report import Report
from tuner.goal import Goal
from tuner.pace import Pace
from tuner.progress import Progress
from tuner.record import Record
from tuner.spoken import amount, clock, hour, percent, shown

COLOURS = {
    "running": "cyan",
    "completed": "green",
    "stopped": "dim",
    "diverged": "magenta",
    "failed": "red",
}
EVERY = 10.0
"""Seconds between two lines about the same running trial."""

SHARE = 0.05
"""Of the time that the live table takes at most; it is drawn less often where trials are many."""


class Display(Protocol):
    """Shows a study; told of every change."""

    def tell(self, record: Record) -> None:
        """Take note that `record` began, reported or ended."""


@contextmanager
def display(progress: Progress, console: Console) -> Iterator[Display]:
    """Show a study while inside: live on a terminal, line by line elsewhere."""
    if not console.is_terminal:
        yield Lines(progress, console)
        return
    screen = Screen(progress, console)
    with Live(get_renderable=screen.render, console=console, refresh_per_second=2, transient=True):
        yield screen


class Screen:
    """The live table."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self.progress = progress
        self.console = console
        self.pace = Pace(0.0, SHARE)
        self.drawn = Group()

    def tell(self, record: Record) -> None:
        """Do nothing: the table is drawn afresh twice a second."""

    def render(self) -> Group:
        """Return a headline and the table, cut to what fits the window."""
        if self.pace.due:
            with self.pace.turn():
                shown = table(self.progress, self.console.height - 6)
                self.drawn = Group(headline(self.progress), shown)
        return self.drawn


class Lines:
    """The log for where there is no terminal."""

    def __init__(self, progress: Progress, console: Console) -> None:
        self.progress = progress
        self.console = console
        self.said: dict[str, float] = {}

    def tell(self, record: Record) -> None:
        """Print a line when a trial begins or ends, and now and then in between."""
        now = time.monotonic()
        due = now - self.said.get(record.trial_id, -EVERY) >= EVERY
        if record.status != "running" or due:
            self.said[record.trial_id] = now
            self.console.print(line(self.progress, record), soft_wrap=True)


def line(progress: Progress, record: Record) -> str:
    """Return one event as text."""
    last, best = record.last, record.best
    words = [f"[{clock(progress.elapsed)}] trial {record.trial_id} {state(record)}"]
    words += [f"{path}={shown(value)}" for path, value in record.knobs.items()]
    if last and best:
        words.append(f"epoch {reached(last, progress)}")
        words.append(f"clean {percent(last.val_clean_accuracy)}")
        words.append(f"robust {percent(last.val_robust_accuracy)}")
        words.append(f"best {percent(best.val_robust_accuracy)} (epoch {best.epoch})")
    if record.error:
        words.append(record.error)
    if record.status != "running":
        about = ", ".join([left(progress), *spent(progress)])
        words.append(f"| {progress.number_ended}/{progress.trials} ended, {about}")
    return "  ".join(words)


def headline(progress: Progress) -> Text:
    """Return one line about the whole study."""
    parts = [
        f"{progress.number_ended} of {progress.trials} trials ended",
        f"{clock(progress.elapsed)} gone",
        left(progress),
        *spent(progress),
    ]
    if (leader := progress.leader) and leader.best:
        parts.append(
            f"best robust {percent(leader.best.val_robust_accuracy)} (trial {leader.trial_id})"
        )
    return Text(" · ".join(parts), style="bold")


def table(progress: Progress, rows: int | None = None) -> Table:
    """Return the trials as a table: the running ones, then the best of the others.

    Args:
        progress: The study.
        rows: How many there is room for; all if none.
    """
    leader = progress.leader
    ended = sorted(progress.ended, key=lambda record: record.score, reverse=True)
    everything = [*progress.running, *ended]
    shown_rows = everything if rows is None else everything[: max(rows, 1)]
    result = Table(box=None, header_style="dim", pad_edge=False)
    knobs = list(everything[0].knobs) if everything else []
    for name in ("trial", "status", *knobs):
        result.add_column(name, no_wrap=name != "status")
    for name in ("epoch", "clean %", "robust %", "best %", "at"):
        result.add_column(name, justify="right", no_wrap=True)
    said = verdicts(progress)
    for name in said:
        result.add_column(name, justify="right", no_wrap=True)
    for record in shown_rows:
        style = "bold" if record is leader else ""
        more = [told(record) for told in said.values()]
        result.add_row(*cells(record, progress), *more, style=style)
    if len(shown_rows) < len(everything):
        result.caption = f"and {len(everything) - len(shown_rows)} more"
    return result


def verdicts(progress: Progress) -> dict[str, Callable[[Record], str]]:
    """Return what else there is to say of a trial's best epoch, by column."""
    said: dict[str, Callable[[Record], str]] = {}
    if progress.goal != Goal():
        said["its clean"] = lambda r: percent(r.best.val_clean_accuracy) if r.best else ""
    if progress.goal.constraint:
        said["holds"] = lambda r: "yes" if r.feasible else "no"
    if progress.goal.several:
        front = progress.front
        said["front"] = lambda r: "yes" if any(each is r for each in front) else ""
    return said


def cells(record: Record, progress: Progress) -> list[str | Text]:
    """Return one row of the table."""
    last, best = record.last, record.best
    measured = ["", "", "", "", ""]
    if last and best:
        measured = [
            reached(last, progress),
            percent(last.val_clean_accuracy),
            percent(last.val_robust_accuracy),
            percent(best.val_robust_accuracy),
            str(best.epoch),
        ]
    status = Text(state(record), style=COLOURS[record.status])
    return [record.trial_id, status, *map(shown, record.knobs.values()), *measured]


def reached(report: Report, progress: Progress) -> str:
    """Return how far a trial is in the run that it is in."""
    return f"{report.epoch}/{progress.levels[report.level].epochs}"


def state(record: Record) -> str:
    """Return the status of a trial, where the sentinel ended it, and what memory allows it."""
    at = record.collapsed_at
    collapse = [f"collapsed at step {at}"] if at else []
    return ", ".join([record.status, *collapse, *shrunk(record)])


def shrunk(record: Record) -> list[str]:
    """Return that a trial ran out of memory and takes smaller parts of its batches, if so."""
    configured = record.groups.get("update", {}).get("micro_batch")
    if record.last is None or record.last.micro_batch == configured:
        return []
    return [f"out of memory: micro-batch {record.last.micro_batch}"]


def left(progress: Progress) -> str:
    """Return the estimate of the time left."""
    estimate = progress.seconds_left
    if estimate is None:
        return "time left unknown"
    return f"about {clock(estimate)} left, finish at {hour(estimate)}"


def spent(progress: Progress) -> list[str]:
    """Return GPU-hours, where trials take any, and what checkpoints take of the disk."""
    words = []
    if progress.gpu:
        hours = progress.gpu * progress.trial_seconds / 3600
        due = progress.due
        expected = f"{hours + progress.gpu * due / 3600:.3g}" if due else "?"
        words.append(f"{hours:.3g} of about {expected} GPU-hours")
    if progress.disk:
        budget = f" of {amount(progress.disk_budget)}" if progress.disk_budget else ""
        words.append(f"{amount(progress.disk)}{budget} on disk")
    return words
