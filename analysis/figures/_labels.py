"""Labels beside a panel, each with a thin line to its point, so that labels do not overlap."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from analysis.figures._style import BLACK, GREY

LABEL_HEIGHT = 9.0
"""Points that a line of text takes."""


def label_points(axes: Axes, points: Sequence[tuple[float, float]], names: Sequence[str]) -> None:
    """Write names to the right of a panel.

    Args:
        axes: What is drawn later does not change its limits.
        points: What is named, in the panel's data.
        names: As many.
    """
    figure = axes.get_figure()
    assert figure is not None
    spot = axes.get_subplotspec()
    rows = 1 if spot is None else spot.get_gridspec().nrows
    # labels, title and legend take about a third of the height
    tall = 72 * figure.get_figure(root=True).get_size_inches()[1] / rows * 0.65
    axes.set(xlim=axes.get_xlim(), ylim=axes.get_ylim())  # final from here on
    to_share = axes.transData + axes.transAxes.inverted()
    heights = np.array([to_share.transform(point)[1] for point in points])
    for (x, y), name, height in zip(
        points, names, spread_heights(heights, LABEL_HEIGHT / tall), strict=True
    ):
        axes.annotate(
            name,
            xy=(x, y),
            xytext=(1.06, height),
            textcoords="axes fraction",
            va="center",
            fontsize=7,
            color=BLACK,
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "linewidth": 0.4,
                "color": GREY,
                "shrinkA": 0,
                "shrinkB": 2,
                "relpos": (0, 0.5),
            },
        )


def spread_heights(heights: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Return heights in the same order, at least a gap from each other and none above 1.

    They are moved as little as need be.

    >>> [round(float(height), 3) for height in spread_heights(np.array([0.5, 0.5, 1]), 0.1)]
    [0.45, 0.55, 1.0]
    """
    blocks: list[list[int]] = []
    for index in np.argsort(heights, kind="stable"):
        blocks.append([int(index)])
        while len(blocks) > 1 and mean_height(heights, blocks[-2]) + gap * (
            len(blocks[-2]) + len(blocks[-1])
        ) / 2 > mean_height(heights, blocks[-1]):
            last = blocks.pop()
            blocks[-1] += last
    moved = np.empty_like(heights)
    for block in blocks:
        middle = (len(block) - 1) / 2
        moved[block] = mean_height(heights, block) + gap * (np.arange(len(block)) - middle)
    highest = 1.0
    for index in np.argsort(-moved, kind="stable"):
        moved[index] = min(moved[index], highest)
        highest = moved[index] - gap
    return moved


def mean_height(heights: NDArray[np.float64], block: Sequence[int]) -> float:
    """Return the mean height of some names."""
    return float(heights[list(block)].mean())
