"""The live table of a study."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.text import Text

from tuner.cli.format import format_value
from tuner.monitoring.gpu_usage import GpuUsage
from tuner.monitoring.headline import format_headline, wrap_parts
from tuner.monitoring.throttle import Throttle
from tuner.monitoring.trials_table import (
    TrialsTable,
    build_table,
    count_statuses,
    describe_left_out,
    rank_trials,
)
from tuner.state.study import StudyProgress
from tuner.state.trial import Record

REDRAW_SHARE = 0.05
"""Maximum share of the time spent on drawing; with many trials, the table is drawn less often."""
REDRAWS_PER_SECOND = 2.0
FRAME_LINES = 4
"""Lines around the rows: a blank one, headings, what is left out, and the cursor."""
INDENT = 2


class LiveTable:
    """The live table: a headline, the running trials and the best ones that fit."""

    def __init__(
        self,
        progress: StudyProgress,
        console: Console,
        read_gpus: Callable[[], GpuUsage | None] = lambda: None,
        *,
        wide: bool = False,
    ) -> None:
        """Create the table.

        Args:
            progress: The study.
            console: The window that the table must fit.
            read_gpus: Returns how busy the GPUs are.
            wide: Whether all knobs of a trial are shown, in lines below its row.
        """
        self.progress, self.console, self.read_gpus = progress, console, read_gpus
        self.wide = wide
        self.throttle = Throttle(0.0, REDRAW_SHARE)
        self.rendered = Group()

    def on_trial_change(self, record: Record) -> None:
        """Do nothing: the table is redrawn twice a second."""

    def render(self) -> Group:
        """Return the headline and the table, cut to what fits the window."""
        if self.throttle.ready:
            with self.throttle.timed():
                self.rendered = Group(*self.list_parts())
        return self.rendered

    def list_parts(self) -> Iterator[RenderableType]:
        """Yield the headline, the table, and what it leaves out."""
        width = self.console.width
        headline = format_headline(self.progress, width, self.read_gpus())
        yield headline
        records = rank_trials(self.progress)
        if not records:
            return
        yield ""
        n_lines = max(1, self.console.height - headline.plain.count("\n") - 1 - FRAME_LINES)
        shown = records[: self.count_rows(records, n_lines)]
        table = build_table(self.progress, shown, width, bars=True, knobs=not self.wide)
        yield from self.render_wide(table) if self.wide else (table.render(),)
        hidden = records[len(shown) :]
        notes = [f"and {len(hidden)} more: {count_statuses(hidden)}"] if hidden else []
        if table.left_out:
            hint = "" if self.wide else " (log=wide shows all knobs)"
            notes.append(describe_left_out(table.left_out) + hint)
        if notes:
            yield Text("; ".join(notes), style="dim", no_wrap=True, overflow="ellipsis")

    def count_rows(self, records: list[Record], n_lines: int) -> int:
        """Return how many trials fit into a number of lines, at least 1."""
        if not self.wide:
            return n_lines
        used, n_rows = 0, 0
        for record in records:
            used += 1 + len(self.knob_lines(record))
            if used > n_lines:
                break
            n_rows += 1
        return max(1, n_rows)

    def knob_lines(self, record: Record) -> list[str]:
        """Return all knobs of a trial in lines that fit."""
        parts = [f"{path}={format_value(value)}" for path, value in record.knobs.items()]
        return [*wrap_parts(parts, self.console.width - INDENT)]

    def render_wide(self, table: TrialsTable) -> Iterator[RenderableType]:
        """Yield the row of each trial, and its knobs below."""
        for index, record in enumerate(table.records):
            yield table.render(range(index, index + 1), header=index == 0)
            if lines := self.knob_lines(record):
                yield Padding(Text("\n".join(lines), style="dim"), (0, 0, 0, INDENT))


@contextmanager
def redraw_in_terminal(table: LiveTable) -> Iterator[None]:
    """Draw a table over itself in its terminal, and remove it at the end."""
    with Live(
        get_renderable=table.render,
        console=table.console,
        refresh_per_second=REDRAWS_PER_SECOND,
        transient=True,
        vertical_overflow="crop",
    ):
        yield
