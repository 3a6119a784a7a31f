"""Weight decay of PGD-AT: Figure 1 of Bag of Tricks (arXiv:2010.00467).

The figure's own values are not printed but for 1e-4, 2e-4 and 5e-4, the curves of its part (b);
those between are evenly spaced by their logarithms. Its network is WRN-34-10.
"""

from ray import tune

from search_spaces.tables._bag_of_tricks import RECIPE, SCHEDULER

__all__ = ["RECIPE", "SCHEDULER", "space"]


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: six values."""
    return {
        "model": {"name": "wrn_34_10"},
        "optimizer": {"weight_decay": tune.grid_search([1e-4, 2e-4, 3e-4, 5e-4, 7e-4, 1e-3])},
    }
