"""Weight decay of standard training: Figure 4 of Bag of Tricks (arXiv:2010.00467).

Clean accuracy hardly moves where robust accuracy does. Its network is WRN-34-10.
"""

from ray import tune

from search_spaces.tables._bag_of_tricks import RECIPE, SCHEDULER

__all__ = ["RECIPE", "SCHEDULER", "space"]


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: three values."""
    return {
        "model": {"name": "wrn_34_10"},
        "method": {"name": "standard"},
        "optimizer": {"weight_decay": tune.grid_search([1e-4, 2e-4, 5e-4])},
    }
