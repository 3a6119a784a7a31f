"""Results beside the papers' tables, and whether our seeds support the papers' claims."""
