"""The log of a study as text, one line an event."""

import time

from rich.console import Console

from tuner.cli.format import format_duration, format_percent, format_value
from tuner.monitoring.headline import format_paused, format_time_left, format_usage
from tuner.monitoring.trials_table import format_epoch, format_status
from tuner.state.study import StudyProgress
from tuner.state.trial import Record

LINE_SECONDS = 10.0
"""Seconds between two lines about the same running trial."""


class LineLog:
    """Prints a line for each event, whole, whatever the width of the output."""

    def __init__(self, progress: StudyProgress, console: Console) -> None:
        self.progress = progress
        self.console = console
        self.printed_at: dict[str, float] = {}
        self.has_estimate = False

    def on_trial_change(self, record: Record) -> None:
        """Print a line when a trial ends, and at most every `LINE_SECONDS` while it runs."""
        now = time.monotonic()
        due = now - self.printed_at.get(record.trial_id, -LINE_SECONDS) >= LINE_SECONDS
        if record.status != "running" or due:
            self.printed_at[record.trial_id] = now
            self.console.print(format_line(self.progress, record), soft_wrap=True)
        if not self.has_estimate and self.progress.seconds_left is not None:
            self.has_estimate = True
            gone, left = self.progress.elapsed_seconds, format_time_left(self.progress)
            self.console.print(f"[{format_duration(gone)}] study: {left}", soft_wrap=True)


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
        words.append(" ".join(record.error.split()))
    if record.status != "running":
        about = ", ".join([format_time_left(progress), *format_usage(progress)])
        words.append(
            f"| {progress.n_ended}/{progress.n_planned} ended{format_paused(progress)}, {about}"
        )
    return "  ".join(words)
