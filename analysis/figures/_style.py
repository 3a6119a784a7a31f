"""Style of figures: column width, letters of at least 7 points, colours for colour-blind readers.

The colours are those of Okabe and Ito (2008) without yellow, which is too light for lines on white.
"""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any, Literal

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

COLUMN_WIDTH, PAGE_WIDTH = 3.25, 6.75
"""Inches: one column of a paper, and both."""
LETTER_WIDTH, LINE_HEIGHT = 0.066, 0.16
"""Inches: a letter of 7 points, with some space, and a line of them."""
BLACK, GREY = "#000000", "#8c8c8c"
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", BLACK)
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
Shared = bool | Literal["row", "col"]
"""Which panels of a figure share an axis."""
Dashes = str | tuple[int, tuple[float, ...]]
DASHES: tuple[Dashes, ...] = (
    *("-", (0, (4, 1.5)), (0, (1, 1)), (0, (6, 1, 1, 1)), (0, (3, 1, 1, 1, 1, 1))),
    *((0, (8, 2)), (0, (2, 2))),
)
MAX_LINES = len(COLOURS)
"""Distinguishable lines in one figure."""
MAX_NAMED = 10
"""Trials that are called by their names."""
MAX_VECTOR_CURVES = 300
"""Curves or points; more are an image inside a vector file, which would take seconds to open."""
STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so it is the same everywhere
    "font.size": 7.5,
    "axes.titlesize": 7.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "legend.handletextpad": 0.5,
    "legend.columnspacing": 1.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.4,
    "grid.color": "#e0e0e0",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "axes.formatter.useoffset": False,
    "figure.dpi": 200,
    "savefig.dpi": 300,
    "svg.hashsalt": "attuner",
    "svg.fonttype": "path",
    "pdf.fonttype": 42,  # TrueType fonts, which publishers require
}


def create_panels(
    rows: int = 1,
    columns: int = 1,
    *,
    height: float = 2.4,
    width: float = COLUMN_WIDTH,
    sharex: Shared = False,
    sharey: Shared = False,
    height_ratios: Sequence[float] | None = None,
) -> tuple[Figure, NDArray[np.object_]]:
    """Return an empty figure and its panels (rows, columns).

    Args:
        rows: Of panels.
        columns: Of panels.
        height: Inches.
        width: Inches.
        sharex: Panels with a common x axis, as in `Figure.subplots`.
        sharey: Panels with a common y axis.
        height_ratios: Relative heights of the rows.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    panels = figure.subplots(
        rows, columns, squeeze=False, sharex=sharex, sharey=sharey, height_ratios=height_ratios
    )
    return figure, panels


def compute_opacity(number: int) -> float:
    """Return how opaque each of many lines or points is: solid if few, a fifth if a thousand.

    >>> compute_opacity(4), compute_opacity(1_000_000)
    (0.9, 0.12)
    """
    return float(np.clip(5 / np.sqrt(max(1, number)), 0.12, 0.9))


def add_legend(figure: Figure, axes: Axes) -> None:
    """Put the legend of one panel below the figure and enlarge the figure for it.

    What is faint in the picture because there is much of it is not in the legend.
    """
    handles, labels = axes.get_legend_handles_labels()
    if not handles:
        return
    wide, tall = figure.get_size_inches()
    entry = 0.42 + LETTER_WIDTH * max(map(len, labels))
    columns = int(np.clip(wide / entry, 1, len(labels)))
    lines = -(-len(labels) // columns)
    figure.set_size_inches(wide, tall + LINE_HEIGHT * (lines - 1))
    legend = figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    for handle in legend.legend_handles:
        if isinstance(handle, Artist):
            handle.set_alpha(1)


def add_title(figure: Figure, text: str) -> None:
    """Put a title above a figure, in as many lines as it takes."""
    wide = int(figure.get_size_inches()[0] / LETTER_WIDTH)
    lines = [wrapped for line in text.splitlines() for wrapped in wrap(line, wide)]
    figure.suptitle("\n".join(lines), x=0.02, ha="left", fontsize=STYLE["axes.titlesize"])
