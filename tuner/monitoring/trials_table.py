"""The trials of a study as a table that fits a window."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from trainables.training.report import Report
from tuner.cli.format import format_percent, format_value
from tuner.config.objectives import Goal
from tuner.monitoring.fit_columns import COLUMN_GAP, Column, fit_columns, short_name, shorten
from tuner.state.study import StudyProgress
from tuner.state.trial import Record

STATUS_COLOURS = {
    "running": "cyan",
    "completed": "green",
    "stopped": "dim",
    "paused": "yellow",
    "diverged": "magenta",
    "failed": "red",
}
MIN_KNOB_WIDTH = 8
MAX_STATUS_WIDTH = 20
"""A longer status, such as that of a collapsed trial, is wrapped."""
BAR_WIDTH = 5


@dataclass(frozen=True)
class TrialsTable:
    """Trials, and the columns in which they are shown.

    Attributes:
        records: The trials, in the order of their rows.
        columns: The columns that are shown.
        widths: The width of each.
        left_out: Headings of the columns that do not fit.
        leader: The best trial, whose row is bold.
    """

    records: Sequence[Record]
    columns: Sequence[Column]
    widths: Sequence[int]
    left_out: Sequence[str]
    leader: Record | None

    def render(self, rows: range | None = None, *, header: bool = True) -> Table:
        """Return a table of rows; `None`: of all."""
        table = Table(box=None, header_style="dim", pad_edge=False, show_header=header)
        table.padding = (0, COLUMN_GAP, 0, 0)
        for column, width in zip(self.columns, self.widths, strict=True):
            fits = cell_len(column.heading) <= width
            heading = column.heading if fits else shorten(column.short or column.heading, width)
            table.add_column(heading, justify=column.justify, width=width, overflow="fold")
        for index in range(len(self.records)) if rows is None else rows:
            cells = [
                shorten(str(column.cells[index]), width) if column.is_knob else column.cells[index]
                for column, width in zip(self.columns, self.widths, strict=True)
            ]
            is_leader = self.records[index] is self.leader
            table.add_row(*cells, style="bold" if is_leader else "")
        return table


def build_table(
    progress: StudyProgress,
    records: Sequence[Record],
    width: int | None = None,
    *,
    bars: bool = False,
    knobs: bool = True,
) -> TrialsTable:
    """Return a table of trials.

    Args:
        progress: The study.
        records: The trials to show, as `rank_trials` returns them.
        width: Columns of the window; `None`: no limit. "at" is left out first, then columns about
            objectives, then the knobs that distinguish the fewest trials. Knobs are shortened from
            the left.
        bars: Whether to show how far each running trial is within its epoch.
        knobs: Whether to show knobs.
    """
    paths = list(records[0].knobs) if records and knobs else []
    cells = [format_cells(record, progress) for record in records]
    extra = objective_columns(progress)
    status = Column("status", [row["status"] for row in cells], max_width=MAX_STATUS_WIDTH)
    main = {
        name: Column(name, [row[name] for row in cells], justify="right")
        for name in ("clean %", "robust %", "best %", "at")
    }
    bar = [Column("", [bar_cell(r, progress) for r in records], content_width=BAR_WIDTH)]
    others = [
        Column(name, [form(r) for r in records], justify="right") for name, form in extra.items()
    ]
    searched = [
        Column(
            path,
            [format_value(record.knobs.get(path)) for record in records],
            short=short_name(path, paths),
            is_knob=True,
            min_width=MIN_KNOB_WIDTH,
        )
        for path in paths
    ]
    columns = [
        Column("trial", [record.trial_id for record in records]),
        status,
        Column("epoch", [row["epoch"] for row in cells], justify="right"),
        *(bar if bars else []),
        *main.values(),
        *others,
        *searched,
    ]
    by_values = sorted(searched, key=lambda column: (column.n_values, -searched.index(column)))
    removable = [main["at"], *reversed(others), *by_values[:-1], main["clean %"], main["best %"]]
    removable += [*(bar if bars else []), *by_values[-1:]]
    widths = fit_columns(columns, removable, width)
    shown = [column for column, column_width in zip(columns, widths, strict=True) if column_width]
    return TrialsTable(
        records,
        shown,
        [column_width for column_width in widths if column_width],
        [column.heading for column in columns if column not in shown and column.heading],
        progress.leader,
    )


def trials_table(progress: StudyProgress, width: int | None = None) -> Table:
    """Return all trials as a table; a caption names what it leaves out.

    Args:
        progress: The study.
        width: Columns of the window; `None`: no limit.
    """
    table = build_table(progress, rank_trials(progress), width)
    result = table.render()
    result.caption = describe_left_out(table.left_out) or None
    return result


def rank_trials(progress: StudyProgress) -> list[Record]:
    """Return the trials: the running ones, then the others, the best first."""
    ended = sorted(progress.ended_trials, key=lambda record: record.score, reverse=True)
    return [*progress.running_trials, *ended]


def count_statuses(records: Sequence[Record]) -> str:
    """Return how many trials have each status, as text."""
    counts = Counter(record.shown_status for record in records)
    return ", ".join(f"{number} {status}" for status, number in counts.items())


def describe_left_out(headings: Sequence[str]) -> str:
    """Return which columns a table leaves out, as text; empty: none."""
    return f"no space for {', '.join(headings)}" if headings else ""


def objective_columns(progress: StudyProgress) -> dict[str, Callable[[Record], str]]:
    """Return formatters of the columns about objectives, by heading."""
    columns: dict[str, Callable[[Record], str]] = {}
    if progress.goal != Goal():
        columns["its clean"] = lambda r: (
            format_percent(r.best_report.val_clean_accuracy) if r.best_report else ""
        )
    if progress.goal.constraint:
        columns["holds"] = lambda r: "yes" if r.is_feasible else "no"
    if progress.goal.is_multi_objective:
        front = progress.pareto_front
        columns["front"] = lambda r: "yes" if any(each is r for each in front) else ""
    return columns


def format_cells(record: Record, progress: StudyProgress) -> Mapping[str, str | Text]:
    """Return the cells of a trial by heading, without knobs."""
    last, best = record.last_report, record.best_report
    status = Text(format_status(record), style=STATUS_COLOURS[record.shown_status])
    cells: dict[str, str | Text] = {
        "status": status,
        "epoch": format_position(record, progress),
        **dict.fromkeys(("clean %", "robust %", "best %", "at"), ""),
    }
    if last and best:
        cells |= {
            "clean %": format_percent(last.val_clean_accuracy),
            "robust %": format_percent(last.val_robust_accuracy),
            "best %": format_percent(best.val_robust_accuracy),
            "at": str(best.epoch),
        }
    return cells


def find_position(record: Record, progress: StudyProgress) -> tuple[int, int, float] | None:
    """Return level, finished epochs and the share that is trained of the next epoch.

    `None`: unknown, or the trial is not in the middle of an epoch.
    """
    last, read = record.last_report, progress.read_position
    position = read(record.trial_id) if read and record.status == "running" else None
    if position is None or (last is not None and position <= last.position):
        return None
    level, epochs = position
    finished = math.ceil(epochs) - 1
    return level, finished, epochs - finished


def bar_cell(record: Record, progress: StudyProgress) -> RenderableType:
    """Return a bar of the share of its epoch that a running trial has trained.

    While the epoch is validated, the bar is full.
    """
    position = find_position(record, progress)
    if position is None:
        return ""
    return ProgressBar(total=1.0, completed=position[2], width=BAR_WIDTH)


def format_position(record: Record, progress: StudyProgress) -> str:
    """Return the finished epochs of a trial in its current run, and its number of epochs."""
    if position := find_position(record, progress):
        level, finished, _ = position
        return f"{finished}/{progress.levels[level].epochs}"
    return format_epoch(record.last_report, progress) if record.last_report else ""


def format_epoch(report: Report, progress: StudyProgress) -> str:
    """Return the epoch of a trial in its current run, and its number of epochs."""
    return f"{report.epoch}/{progress.levels[report.level].epochs}"


def format_status(record: Record) -> str:
    """Return the status of a trial, the step of its collapse and its micro-batch."""
    at = record.collapsed_at
    collapse = [f"collapsed at step {at}"] if at else []
    return ", ".join([record.shown_status, *collapse, *format_micro_batch(record)])


def format_micro_batch(record: Record) -> Iterator[str]:
    """Yield a note if a trial ran out of memory and reduced its micro-batch."""
    configured = record.groups.get("update", {}).get("micro_batch")
    if record.last_report and record.last_report.micro_batch != configured:
        yield f"out of memory: micro-batch {record.last_report.micro_batch}"
