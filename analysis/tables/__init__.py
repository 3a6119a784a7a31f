"""Tables against the papers: our cells beside theirs, and what our seeds say of their claims."""

from analysis.tables.comparison import PaperComparison, compare_with_papers
from analysis.tables.published import list_tables, load_published

__all__ = [
    "PaperComparison",
    "compare_with_papers",
    "list_tables",
    "load_published",
]
