"""Fit the columns of a table into a window."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import JustifyMethod, RenderableType

COLUMN_GAP = 2
ELLIPSIS = "…"


@dataclass(eq=False)
class Column:
    """A column of a table.

    Attributes:
        heading: Its heading; of a knob, the path.
        cells: One per row.
        short: A shorter heading, for windows that are too narrow for the whole headings.
        justify: Where the cells are.
        is_knob: Whether cells and heading are shortened from the left where they do not fit.
        min_width: Width to which it may be narrowed; `None`: not at all.
        max_width: Width above which cells are wrapped; `None`: never.
        content_width: Width of cells that are no text.
    """

    heading: str
    cells: Sequence[RenderableType]
    short: str = ""
    justify: JustifyMethod = "left"
    is_knob: bool = False
    min_width: int | None = None
    max_width: int | None = None
    content_width: int = 0

    def measure(self, heading: str) -> int:
        """Return the width that it takes with a heading."""
        texts = [heading, *(str(cell) for cell in self.cells if not self.content_width)]
        return max(self.content_width, *map(cell_len, texts))

    @property
    def n_values(self) -> int:
        """How many different cells it has."""
        return len(set(map(str, self.cells)))


def fit_columns(
    columns: Sequence[Column], removable: Sequence[Column], width: int | None
) -> list[int]:
    """Return the width of each column; 0: it does not fit.

    If not all fit, they get their short headings. Then columns are left out until the others fit at
    their smallest, and the widest ones are narrowed.

    Args:
        columns: The columns.
        removable: Those that may be left out, in this order.
        width: Columns of the window; `None`: no limit.

    >>> knobs = [Column("x" * 30, ["1"], min_width=8), Column("y" * 20, ["1"], min_width=8)]
    >>> trial = Column("trial", ["0000"])
    >>> fit_columns([trial, *knobs], knobs, None)
    [5, 30, 20]
    >>> fit_columns([trial, *knobs], knobs, 40)
    [5, 15, 16]
    >>> fit_columns([trial, *knobs], knobs, 20)
    [5, 0, 13]
    """
    widths = [column.measure(column.heading) for column in columns]
    if width is None:
        return widths
    if total_width(widths) > width:
        widths = [column.measure(column.short or column.heading) for column in columns]
    widths = [min(w, c.max_width or w) for w, c in zip(widths, columns, strict=True)]
    smallest = [min(w, c.min_width or w) for w, c in zip(widths, columns, strict=True)]
    for column in removable:
        if total_width(smallest) <= width:
            break
        index = columns.index(column)
        widths[index] = smallest[index] = 0
    while total_width(widths) > width:
        wide = [n for n, least in enumerate(smallest) if widths[n] > least]
        if not wide:
            break
        widths[max(wide, key=widths.__getitem__)] -= 1
    return widths


def total_width(widths: Sequence[int]) -> int:
    """Return the width of a table with columns of these widths, of which 0 are left out."""
    shown = [width for width in widths if width]
    return sum(shown) + COLUMN_GAP * (len(shown) - 1)


def shorten(text: str, width: int) -> str:
    """Return the end of a text that is too long.

    >>> shorten("methods/mine.py", 8), shorten("pgd", 8)
    ('…mine.py', 'pgd')
    """
    if cell_len(text) <= width:
        return text
    while text and cell_len(text) >= width:
        text = text[1:]
    return ELLIPSIS + text.lstrip()


def short_name(path: str, others: Sequence[str]) -> str:
    """Return the name of a knob without its group, or its path if others have the same name.

    >>> paths = ["optimizer.weight_decay", "attack.steps", "exam.steps"]
    >>> [short_name(path, paths) for path in paths]
    ['weight_decay', 'attack.steps', 'exam.steps']
    """
    name = path.rpartition(".")[2]
    is_unique = sum(each.rpartition(".")[2] == name for each in others) == 1
    return name if is_unique else path
