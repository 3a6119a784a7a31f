"""The learning rate over the run: piecewise, cosine, one-cycle (Rice et al., arXiv:2002.11569).

Drops at half and three quarters are theirs, at 100 and 105 of 110 epochs those of Bag of Tricks
(arXiv:2010.00467), at 75 of 76 TRADES'. One-cycle peaks at 2/5 of the run in Fast-AT
(arXiv:2001.03994) and at half in its other setting; the range holds both.
"""

from ray import tune

DROP_MILESTONES = [[0.5, 0.75], [100 / 110, 105 / 110], [75 / 76]]


def space() -> dict[str, dict[str, object]]:
    """Return what all share: nothing."""
    return {}


def variants() -> dict[str, dict[str, dict[str, object]]]:
    """Return what is searched: the schedule, and the moments of each."""
    return {
        "piecewise": {"schedule": {"name": "piecewise", "drops": tune.choice(DROP_MILESTONES)}},
        "cosine": {"schedule": {"name": "cosine"}},
        "one_cycle": {"schedule": {"name": "one_cycle", "peak": tune.uniform(0.2, 0.6)}},
    }
