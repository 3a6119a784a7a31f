"""Schedules of eps, with and without periods, on CIFAR-10: PAS' Table 1 (arXiv:2006.08403).

Errors, not accuracies, are published. Rows with periods are ensembles of the period ends.
"""

from search_spaces.tables._pas import build_table_space

__all__ = ["RECIPE", "SCHEDULER", "published", "space", "variants"]

RECIPE = "pas_cifar10"
SCHEDULER = "none"

space, variants, published = build_table_space("CIFAR-10")
