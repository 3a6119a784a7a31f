"""A plane of the loss as a contour plot."""

from pathlib import Path

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from torch import Tensor

from tuner.storage.safe_files import write_atomically

AXIS_LABELS = {
    "eigenvector_plane": ("top eigenvector (length)", "second eigenvector (length)"),
    "random_plane": ("random direction (filter norms)", "another (filter norms)"),
}
"""What each axis is along, and in which unit."""
MIN_LOSS = 1e-12
"""Loss, in nats, below which differences are not drawn."""


def draw_planes(planes: dict[str, Tensor], title: str) -> Figure:
    """Return the planes (3, P, P) beside each other: two coordinates and the loss.

    The colours, from dark to light, are readable for colour-blind people and in greyscale.
    """
    figure = Figure(figsize=(4.4 * len(planes), 3.6), layout="constrained")
    for number, (name, plane) in enumerate(planes.items(), start=1):
        a, b, loss = plane.cpu().numpy()
        axes = figure.add_subplot(1, len(planes), number)
        height = np.ma.masked_invalid(loss).clip(MIN_LOSS)
        low, high = float(height.min()), float(height.max())
        levels = np.geomspace(low, max(high, 1.001 * low), 16)
        filled = axes.contourf(a, b, height, levels, norm=LogNorm(), cmap="cividis")
        axes.contour(a, b, height, levels, colors="white", linewidths=0.3)
        axes.plot(0, 0, "+", color="white", markersize=8)
        across, up = AXIS_LABELS.get(name, ("", ""))
        axes.set(xlabel=across, ylabel=up, aspect="equal")
        bar = figure.colorbar(
            filled, ax=axes, label="adversarial loss (nats)", format="%.3g", fraction=0.046
        )
        bar.minorticks_off()
        bar.set_ticks(levels[::3].tolist())
    figure.suptitle(title, fontsize="medium")
    return figure


def save_planes(file: Path, planes: dict[str, Tensor], title: str) -> None:
    """Write the planes as numbers, PNG and PDF, beside each other.

    Args:
        file: Their path without a suffix.
        planes: (3, P, P) each.
        title: Of the picture.
    """
    file.parent.mkdir(exist_ok=True)
    figure = draw_planes(planes, title)
    numbers = {name: plane.cpu().numpy() for name, plane in planes.items()}
    for suffix in (".png", ".pdf"):
        write_atomically(file.with_suffix(suffix), lambda path: figure.savefig(path, dpi=200))
    write_atomically(file.with_suffix(".npz"), lambda path: np.savez(path, **numbers))  # type: ignore[arg-type]
