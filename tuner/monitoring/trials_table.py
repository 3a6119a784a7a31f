"""The trials of a study as a table that fits a window."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from trainables.training.report import Report
from tuner.cli.format import format_percent, format_value
from tuner.config.objectives import Goal
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
COLUMN_GAP = 2
MIN_KNOB_WIDTH = 8
MAX_STATUS_WIDTH = 20
"""A longer status, such as that of a collapsed trial, is wrapped."""
CLEAN, BEST, BEST_EPOCH, OBJECTIVES = 1, 3, 4, 5
"""Places behind the knobs of columns that may be left out; the last is the first of several."""


def trials_table(
    progress: StudyProgress, max_rows: int | None = None, width: int | None = None
) -> Table:
    """Return the trials as a table: the running ones, then the best of the others.

    Args:
        progress: The study.
        max_rows: Maximum number of trials; `None`: all.
        width: Columns of the window; `None`: no limit. Knobs are shortened first; then metrics are
            left out, then the knobs that distinguish the fewest trials.
    """
    leader = progress.leader
    ended = sorted(progress.ended_trials, key=lambda record: record.score, reverse=True)
    everything = [*progress.running_trials, *ended]
    shown_rows = everything if max_rows is None else everything[: max(max_rows, 1)]
    knobs = list(everything[0].knobs) if everything else []
    extra = objective_columns(progress)
    headings = ["trial", "status", *knobs, "epoch", "clean %", "robust %", "best %", "at", *extra]
    rows = [
        [*format_cells(r, progress), *(format_cell(r) for format_cell in extra.values())]
        for r in shown_rows
    ]
    cells_by_column = list(zip(*[headings, *rows], strict=True))
    lengths = [max(cell_len(str(cell)) for cell in cells) for cells in cells_by_column]
    n_values = [len(set(map(str, cells[1:]))) for cells in cells_by_column]
    widths = fit_columns(lengths, range(2, 2 + len(knobs)), width, n_values)
    result = Table(box=None, header_style="dim", pad_edge=False)
    for index, column_width in widths.items():
        is_text = index < 2 + len(knobs)
        result.add_column(
            split_heading(headings[index], column_width),
            justify="left" if is_text else "right",
            width=column_width,
            overflow="fold",
        )
    for record, row in zip(shown_rows, rows, strict=True):
        result.add_row(*(row[index] for index in widths), style="bold" if record is leader else "")
    omissions = describe_omissions(headings, widths, len(everything) - len(rows))
    result.caption = ", ".join(omissions) or None
    return result


def split_heading(heading: str, width: int) -> str:
    """Return a heading in lines of at most `width` columns, split behind dots and underscores.

    A longer part is left to the table.

    >>> split_heading("attack.step_size", 8).splitlines()
    ['attack.', 'step_', 'size']
    """
    lines = [""]
    for part in re.findall(r"[^._]+[._]*", heading):
        if lines[-1] and cell_len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def fit_columns(
    lengths: Sequence[int], knobs: range, width: int | None, n_values: Sequence[int]
) -> dict[int, int]:
    """Return the width of each column that fits, by index.

    Knobs are narrowed to `MIN_KNOB_WIDTH`, the widest first. Then columns are left out, in the
    order of `removable_columns`.

    Args:
        lengths: The longest cell of each column.
        knobs: Indices of the columns of knobs.
        width: Columns of the window; `None`: no limit.
        n_values: How many different values each column has.

    >>> fit_columns([4, 9, 30, 20, 6, 7, 8, 6, 2], range(2, 4), 80, [4] * 9)
    {0: 4, 1: 9, 2: 11, 3: 11, 4: 6, 5: 7, 6: 8, 7: 6, 8: 2}
    >>> list(fit_columns([4, 9, 30, 20, 6, 7, 8, 6, 2], range(2, 4), 50, [4, 2, 1, 4] + [4] * 5))
    [0, 1, 3, 4, 6]
    """
    widths = dict(enumerate(lengths))
    if width is None:
        return widths
    widths[1] = min(widths[1], MAX_STATUS_WIDTH)

    def excess(*, knob_width: int | None = None) -> int:
        """Return by how much the columns are too wide, with knobs of at most this width."""
        used = (min(w, knob_width or w) if index in knobs else w for index, w in widths.items())
        return sum(used) + COLUMN_GAP * (len(widths) - 1) - width

    removable = removable_columns(knobs, len(lengths), n_values)
    while removable and excess(knob_width=MIN_KNOB_WIDTH) > 0:
        del widths[removable.pop(0)]
    while excess() > 0 and (
        wide := [index for index in knobs if widths.get(index, 0) > MIN_KNOB_WIDTH]
    ):
        widths[max(wide, key=lambda index: widths[index])] -= 1
    return widths


def removable_columns(knobs: range, n_columns: int, n_values: Sequence[int]) -> list[int]:
    """Return the columns that may be left out, the least important first.

    Metrics come before knobs, and knobs with few different values before others. Trial, status,
    epoch and robust accuracy stay.
    """
    last = knobs.stop
    objectives = range(last + OBJECTIVES, n_columns)
    return [
        *(last + BEST_EPOCH, last + CLEAN, *reversed(objectives), last + BEST),
        *sorted(knobs, key=lambda index: (n_values[index], -index)),
    ]


def describe_omissions(
    headings: Sequence[str], shown: Mapping[int, int], n_more: int
) -> Iterator[str]:
    """Yield what a table leaves out."""
    if n_more:
        yield f"and {n_more} more"
    if left_out := [name for index, name in enumerate(headings) if index not in shown]:
        yield f"no space for {', '.join(left_out)}"


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


def format_cells(record: Record, progress: StudyProgress) -> list[str | Text]:
    """Return one row of the table."""
    last, best = record.last_report, record.best_report
    metrics = [format_position(record, progress), "", "", "", ""]
    if last and best:
        metrics = [
            metrics[0],
            format_percent(last.val_clean_accuracy),
            format_percent(last.val_robust_accuracy),
            format_percent(best.val_robust_accuracy),
            str(best.epoch),
        ]
    status = Text(format_status(record), style=STATUS_COLOURS[record.shown_status])
    return [record.trial_id, status, *map(format_value, record.knobs.values()), *metrics]


def format_position(record: Record, progress: StudyProgress) -> str:
    """Return the epochs of a trial in its current run, with the tenths of one that it trains.

    The last tenth of 3.9/10 includes the validation.
    """
    last, read = record.last_report, progress.read_position
    position = read(record.trial_id) if read and record.status == "running" else None
    if position is None or (last is not None and position <= last.position):
        return format_epoch(last, progress) if last else ""
    level, epochs = position
    finished = math.ceil(epochs) - 1
    tenths = min(int(10 * (epochs - finished)), 9)
    return f"{finished}.{tenths}/{progress.levels[level].epochs}"


def format_epoch(report: Report, progress: StudyProgress) -> str:
    """Return the epoch of a trial in its current run, and its number of epochs."""
    return f"{report.epoch}/{progress.levels[report.level].epochs}"


def format_status(record: Record) -> str:
    """Return the status of a trial, the step of its collapse and its micro-batch."""
    at = record.collapsed_at
    collapse = [f"collapsed at step {at}"] if at else []
    return ", ".join([record.shown_status, *collapse, *format_micro_batch(record)])


def format_micro_batch(record: Record) -> list[str]:
    """Return a note if a trial ran out of memory and reduced its micro-batch."""
    configured = record.groups.get("update", {}).get("micro_batch")
    if record.last_report is None or record.last_report.micro_batch == configured:
        return []
    return [f"out of memory: micro-batch {record.last_report.micro_batch}"]
