"""Results beside the papers' tables, and whether our seeds support the papers' claims."""

from analysis.tables.comparison import PaperComparison, compare_with_papers
from analysis.tables.published import list_tables, load_published

__all__ = [
    "PaperComparison",
    "compare_with_papers",
    "list_tables",
    "load_published",
]
