"""Early-stopped attack iterations, the milestones of Bag of Tricks' Table 2 (arXiv:2010.00467).

The attack stops 0, 1, then 2 steps after it succeeds, growing at two epochs of 110: 40:70, 40:100,
60:100.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: three pairs of milestones."""
    return {
        "attack": {
            "name": "friendly",
            "grows": tune.grid_search([
                [40 / 110, 70 / 110],
                [40 / 110, 100 / 110],
                [60 / 110, 100 / 110],
            ]),
        }
    }
