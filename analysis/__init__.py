"""After the study: frames, statistics, tables, pictures and a page.

Neither torch nor Ray is imported here, but for `analysis.diagnose` and `analysis.diagnostics`,
which look at networks.
"""

from analysis.frames import Frames, Study
from analysis.loading import load

__all__ = ["Frames", "Study", "load"]
