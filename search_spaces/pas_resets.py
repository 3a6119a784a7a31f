"""Periods after which both schedules start over (Liu et al., arXiv:2006.08403).

Theirs are 0:100:150:200 of 200 epochs, [1/2,3/4] here, and the models at the
ends of periods form an ensemble. Other lists and no resets are tried as well.
"""

from ray import tune

RESET_MILESTONES = [[], [0.5], [0.5, 0.75], [1 / 3, 2 / 3]]


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: four lists of resets, each with the ensemble of its period ends."""
    return {
        "periods": {"resets": tune.grid_search(RESET_MILESTONES)},
        "average": {"name": "ensemble"},
    }
