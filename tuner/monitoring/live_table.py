"""Progress of a running study: a live table on a terminal, else one line per event."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from tuner.cli.format import (
    format_bytes,
    format_duration,
    format_finish_time,
    format_percent,
    format_value,
)
from tuner.monitoring.notebook_table import is_notebook, notebook_console, show_in_notebook
from tuner.monitoring.throttle import Throttle
from tuner.monitoring.trials_table import format_epoch, format_status, trials_table
from tuner.state.study import StudyProgress
from tuner.state.trial import Record

LINE_SECONDS = 10.0
"""Seconds between two lines about the same running trial."""

REDRAW_SHARE = 0.05
"""Maximum share of the time spent on drawing; with many trials, the table is drawn less often."""


class Display(Protocol):
    """Shows a study; it is notified of every change."""

    def on_trial_change(self, record: Record) -> None:
        """Update the display: the trial has started, reported or ended."""


@contextmanager
def show_progress(progress: StudyProgress, console: Console) -> Iterator[Display]:
    """Show a study during the body: live on a terminal or in a notebook, else line by line."""
    if is_notebook() and not console.quiet:
        table = LiveTable(progress, notebook_console())
        with show_in_notebook(table.render):
            yield table
        return
    if not console.is_terminal:
        yield LineLog(progress, console)
        return
    screen = LiveTable(progress, console)
    with Live(get_renderable=screen.render, console=console, refresh_per_second=2, transient=True):
        yield screen


class LiveTable:
    """The live table."""

    def __init__(self, progress: StudyProgress, console: Console) -> None:
        self.progress = progress
        self.console = console
        self.throttle = Throttle(0.0, REDRAW_SHARE)
        self.rendered = Group()

    def on_trial_change(self, record: Record) -> None:
        """Do nothing: the table is redrawn twice a second."""

    def render(self) -> Group:
        """Return a headline and the table, cut to what fits the window."""
        if self.throttle.ready:
            with self.throttle.timed():
                shown = trials_table(self.progress, self.console.height - 6, self.console.width)
                self.rendered = Group(format_headline(self.progress), shown)
        return self.rendered


class LineLog:
    """The log for output that is not a terminal."""

    def __init__(self, progress: StudyProgress, console: Console) -> None:
        self.progress = progress
        self.console = console
        self.printed_at: dict[str, float] = {}

    def on_trial_change(self, record: Record) -> None:
        """Print a line when a trial ends, and at most every `LINE_SECONDS` while it runs."""
        now = time.monotonic()
        due = now - self.printed_at.get(record.trial_id, -LINE_SECONDS) >= LINE_SECONDS
        if record.status != "running" or due:
            self.printed_at[record.trial_id] = now
            self.console.print(format_line(self.progress, record), soft_wrap=True)


def format_line(progress: StudyProgress, record: Record) -> str:
    """Return one event as text."""
    last, best = record.last_report, record.best_report
    words = [
        f"[{format_duration(progress.elapsed_seconds)}] trial {record.trial_id} "
        f"{format_status(record)}"
    ]
    words += [f"{path}={format_value(value)}" for path, value in record.knobs.items()]
    if last and best:
        words.append(f"epoch {format_epoch(last, progress)}")
        words.append(f"clean {format_percent(last.val_clean_accuracy)}")
        words.append(f"robust {format_percent(last.val_robust_accuracy)}")
        words.append(f"best {format_percent(best.val_robust_accuracy)} (epoch {best.epoch})")
    if record.error:
        words.append(record.error)
    if record.status != "running":
        about = ", ".join([format_time_left(progress), *format_usage(progress)])
        words.append(
            f"| {progress.n_ended}/{progress.n_planned} ended{format_paused(progress)}, {about}"
        )
    return "  ".join(words)


def format_paused(progress: StudyProgress) -> str:
    """Return how many trials are paused, as the end of a list, or ""."""
    return f", {progress.n_paused} paused" if progress.n_paused else ""


def format_headline(progress: StudyProgress) -> Text:
    """Return one line about the whole study."""
    parts = [
        f"{progress.n_ended} of {progress.n_planned} trials ended{format_paused(progress)}"
        if progress.records
        else "waiting for the first trial to start",
        f"{format_duration(progress.elapsed_seconds)} gone",
        format_time_left(progress),
        *format_usage(progress),
    ]
    if (leader := progress.leader) and leader.best_report:
        parts.append(
            f"best robust {format_percent(leader.best_report.val_robust_accuracy)} "
            f"(trial {leader.trial_id})"
        )
    return Text(" · ".join(parts), style="bold")


def format_time_left(progress: StudyProgress) -> str:
    """Return the estimate of the time left."""
    estimate = progress.seconds_left
    if estimate is None:
        return "time left unknown"
    return f"about {format_duration(estimate)} left, finish at {format_finish_time(estimate)}"


def format_usage(progress: StudyProgress) -> list[str]:
    """Return GPU-hours, if trials use GPUs, and the size of checkpoints on disk."""
    words = []
    if progress.gpu_share:
        hours = progress.gpu_share * progress.trial_seconds / 3600
        due = progress.remaining_trial_seconds
        expected = f"{hours + progress.gpu_share * due / 3600:.3g}" if due else "?"
        words.append(f"{hours:.3g} of about {expected} GPU-hours")
    if progress.disk_bytes:
        budget = f" of {format_bytes(progress.disk_budget)}" if progress.disk_budget else ""
        words.append(f"{format_bytes(progress.disk_bytes)}{budget} on disk")
    return words
