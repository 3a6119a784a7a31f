"""An early drop of the learning rate: Figure 3 of Bag of Tricks (arXiv:2010.00467).

It does not rescue a weight decay that is too small: 1e-4 and 2e-4 with drops at epochs 40 and 45
beside those at 100 and 105. Its network is WRN-34-10.
"""

from ray import tune

from search_spaces.tables._bag_of_tricks import EPOCHS, RECIPE, SCHEDULER

__all__ = ["RECIPE", "SCHEDULER", "space"]

DROP_MILESTONES = [[40 / EPOCHS, 45 / EPOCHS], [100 / EPOCHS, 105 / EPOCHS]]


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: two values with two pairs of drops."""
    return {
        "model": {"name": "wrn_34_10"},
        "optimizer": {"weight_decay": tune.grid_search([1e-4, 2e-4])},
        "schedule": {"name": "piecewise", "drops": tune.grid_search(DROP_MILESTONES)},
    }
