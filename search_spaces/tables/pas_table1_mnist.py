"""Schedules of eps on MNIST at 0.4: the MNIST rows of PAS' Table 1 (arXiv:2006.08403).

Errors, not accuracies, are published.
"""

from search_spaces.tables._pas import build_table_space

__all__ = ["RECIPE", "SCHEDULER", "published", "space", "variants"]

RECIPE = "pas_mnist"
SCHEDULER = "none"

space, variants, published = build_table_space("MNIST")
