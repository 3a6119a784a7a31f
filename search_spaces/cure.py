"""CURE's loss weight and step (Moosavi-Dezfooli et al., 2019, arXiv:1811.09716).

Weights of 1, 4 and 8 are in use; steps up to 3 in units of normalised images, about 0.6 here.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is searched: the weight and the step."""
    return {
        "method": {"name": "cure", "weight": tune.loguniform(1, 8), "h": tune.loguniform(0.02, 0.6)}
    }
