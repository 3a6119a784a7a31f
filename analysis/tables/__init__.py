"""Tables against the papers: our cells beside theirs, and what our seeds say of their claims."""

from analysis.tables.comparison import Comparison, against_papers
from analysis.tables.published import published, tables

__all__ = ["Comparison", "against_papers", "published", "tables"]
