"""The training radius over the run: constant, linear, cosine (Liu et al., arXiv:2006.08403).

They let the curve end at 1.5 (cosine, MNIST) or 2 times the target and cut it off there, which
makes the plateau; 1 has none. A constant radius may be warmed up, 10 to 20 of 110 epochs in Bag of
Tricks (arXiv:2010.00467).
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what all share: nothing."""
    return {}


def variants() -> dict[str, dict[str, dict[str, object]]]:
    """Return what is searched: the schedule, and what shapes each."""
    return {
        "constant": {"eps_schedule": {"name": "constant", "warmup": tune.uniform(0, 0.4)}},
        "linear": {"eps_schedule": {"name": "linear", "peak": tune.uniform(1, 3)}},
        "cosine": {"eps_schedule": {"name": "cosine", "peak": tune.uniform(1, 3)}},
    }
