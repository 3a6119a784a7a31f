"""Warm-up of the learning rate and of eps (Bag of Tricks' Table 2, arXiv:2010.00467).

They try 0, 10, 15 and 20 of 110 epochs for one or the other; here for both.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: every pair of four lengths."""
    return {
        "schedule": {"warmup": tune.grid_search([0, 10 / 110, 15 / 110, 20 / 110])},
        "eps_schedule": {"warmup": tune.grid_search([0, 10 / 110, 15 / 110, 20 / 110])},
    }
