"""Analyse finished studies: frames, statistics, tables, figures and an HTML page.

Only `analysis.diagnose` and `analysis.diagnostics`, which evaluate networks, import torch; nothing
here imports Ray.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analysis.frames import Frames, Study
    from analysis.loading import load

__all__ = ["Frames", "Study", "load"]
MODULES = {"Frames": "analysis.frames", "Study": "analysis.frames", "load": "analysis.loading"}


def __getattr__(name: str) -> object:
    """Import what `__all__` names when it is used, as pandas takes a second to import.

    Raises:
        AttributeError: If it does not name it.
    """
    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(MODULES[name]), name)
