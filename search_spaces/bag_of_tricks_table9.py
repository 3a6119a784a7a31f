"""TRADES on two wide networks: Table 9 of Bag of Tricks (arXiv:2010.00467)."""

from search_spaces._bag_of_tricks import RECIPE, SCHEDULER, table

__all__ = ["RECIPE", "SCHEDULER", "published", "space", "variants"]

space, variants, published = table(9)
