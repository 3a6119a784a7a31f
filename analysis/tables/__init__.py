"""Tables against the papers: our cells beside theirs, and what our seeds say of their claims."""

from analysis.tables.comparison import PaperComparison, compare_with_papers
from analysis.tables.published import load_published, list_tables

__all__ = ["Comparison", "against_papers", "published", "tables"]
