"""Figures of studies, for papers: `figures.save(figures.draw("weight_decay", frames), path)`.

The folder is the registry: `weight_decay.py` draws the figure "weight_decay". Everything is in
percent, one column wide and distinguishable without colour. The same data give the same bytes.
"""

import importlib
import inspect
import pkgutil
from functools import cache
from pathlib import Path
from types import ModuleType

from matplotlib import rc_context
from matplotlib.figure import Figure

from analysis.figures import _style
from analysis.frames import Frames
from trainables.errors import InputError, did_you_mean

__all__ = ["check_drawable", "describe_figure", "draw", "list_figures", "save"]
FORMAT_METADATA = {"pdf": {"CreationDate": None}, "svg": {"Date": None}, "png": {"Software": None}}
"""Metadata by format, without dates and versions."""


@cache
def list_figures() -> list[str]:
    """Return the names of all figures, sorted."""
    found = [module.name for module in pkgutil.iter_modules(__path__)]
    return sorted(name for name in found if not name.startswith("_"))


def describe_figure(name: str) -> str:
    """Return what a figure shows, in one line.

    Raises:
        InputError: If there is no such figure.
    """
    return (load_figure_module(name).__doc__ or "").partition("\n")[0]


def draw(name: str, frames: Frames, **options: object) -> Figure:
    """Return a figure.

    Args:
        name: One of `list_figures()`.
        frames: What `analysis.load` returned.
        **options: Of that figure; all take `accuracies`, "validation" or "evaluation" (the test
            split under the attacks of `tuner.evaluate`).

    Raises:
        InputError: If there is no such figure or option, or the studies lack what it shows.
    """
    figure = build_figure(name, frames, options)
    with rc_context(_style.STYLE):
        figure.draw_without_rendering()  # figures saved without `save` get the same ticks
    return figure


def save(figure: Figure, path: Path | str) -> None:
    """Write a figure, the same bytes each time.

    Args:
        figure: What `draw` returned.
        path: Ends in .pdf, .svg or .png; the folder is there.

    Raises:
        InputError: If it ends otherwise, or cannot be written.
    """
    kind = Path(path).suffix.removeprefix(".").lower()
    if kind not in FORMAT_METADATA:
        raise InputError([f"{path}: expected a name that ends in .{', .'.join(FORMAT_METADATA)}."])
    try:
        with rc_context(_style.STYLE):
            figure.savefig(path, format=kind, metadata=FORMAT_METADATA[kind])
    except OSError as error:
        raise InputError([f"{path} cannot be written ({error.strerror or error})."]) from None


def check_drawable(frames: Frames, **options: object) -> dict[str, str | None]:
    """Return, for each figure, why it cannot be drawn from the studies; `None`: it can.

    Args:
        frames: What `analysis.load` returned.
        **options: That all figures take.
    """
    return {name: explain_undrawable(name, frames, options) for name in list_figures()}


def explain_undrawable(name: str, frames: Frames, options: dict[str, object]) -> str | None:
    """Return why a figure cannot be drawn, if it cannot."""
    try:
        build_figure(name, frames, options)
    except InputError as error:
        return " ".join(line.removeprefix(f"{name}: ") for line in error.problems)
    return None


def build_figure(name: str, frames: Frames, options: dict[str, object]) -> Figure:
    """Return a figure that is not laid out yet.

    Raises:
        InputError: If there is no such figure or option, or the studies lack what it shows.
    """
    function = load_figure_module(name).draw
    known = list(inspect.signature(function).parameters)[1:]
    if wrong := [option for option in options if option not in known]:
        hint = did_you_mean(wrong[0], known)
        raise InputError([f"{name}: no option {wrong[0]}.{hint} There are: {', '.join(known)}."])
    try:
        with rc_context(_style.STYLE):
            figure: Figure = function(frames, **options)
    except InputError as error:
        raise InputError([f"{name}: {each}" for each in error.problems]) from None
    return figure


def load_figure_module(name: str) -> ModuleType:
    """Return the file of a figure.

    Raises:
        InputError: If there is none.
    """
    if name not in list_figures():
        raise InputError([
            f"figure: no {name!r}.{did_you_mean(name, list_figures())} "
            f"There are: {', '.join(list_figures())}."
        ])
    return importlib.import_module(f"{__name__}.{name}")
