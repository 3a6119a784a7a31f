"""Analyse finished studies: frames, statistics, tables, figures and an HTML page.

Only `analysis.diagnose` and `analysis.diagnostics`, which evaluate networks, import torch; nothing
here imports Ray.
"""

from analysis.frames import Frames, Study
from analysis.loading import load

__all__ = ["Frames", "Study", "load"]
