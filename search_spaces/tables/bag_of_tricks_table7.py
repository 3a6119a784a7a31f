"""BatchNorm's mode, six networks: Table 7 of Bag of Tricks (arXiv:2010.00467)."""

from search_spaces.tables._bag_of_tricks import RECIPE, SCHEDULER, build_table_space

__all__ = ["RECIPE", "SCHEDULER", "published", "space", "variants"]

space, variants, published = build_table_space(7)
