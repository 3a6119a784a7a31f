"""Progress of a running study: a live table, lines of text, or JSON."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console

from tuner.cli.console import JsonConsole
from tuner.config.settings import LogFormat
from tuner.monitoring.gpu_usage import watch_gpus
from tuner.monitoring.json_log import JsonLog
from tuner.monitoring.line_log import LineLog
from tuner.monitoring.live_table import LiveTable, redraw_in_terminal
from tuner.monitoring.notebook_table import is_notebook, notebook_console, show_in_notebook
from tuner.state.study import StudyProgress
from tuner.state.trial import Record


class Display(Protocol):
    """Shows a study; it is notified of every change."""

    def on_trial_change(self, record: Record) -> None:
        """Update the display: the trial has started, reported or ended."""


@contextmanager
def show_progress(
    progress: StudyProgress, console: Console, log: LogFormat = "auto", *, is_local: bool = True
) -> Iterator[Display]:
    """Show a study during the body: live on a terminal and in a notebook, line by line elsewhere.

    Args:
        progress: The study.
        console: Where to print.
        log: "wide": the live table shows all knobs; "lines": no live table. What "json" prints,
            the console decides.
        is_local: Whether trials run on this machine.
    """
    in_notebook = is_notebook() and not console.quiet
    in_terminal = console.is_terminal and not console.is_dumb_terminal
    if isinstance(console, JsonConsole):
        yield JsonLog(progress, console)
    elif log == "lines" or not (in_notebook or in_terminal):
        yield LineLog(progress, console)
    else:
        with watch_gpus(wanted=is_local and progress.gpu_share > 0) as read_gpus:
            window = notebook_console() if in_notebook else console
            table = LiveTable(progress, window, read_gpus, wide=log == "wide")
            redraw = show_in_notebook(table.render) if in_notebook else redraw_in_terminal(table)
            with redraw:
                yield table
