"""The step of Fast-AT, as a multiple of eps (Wong et al., 2020, arXiv:2001.03994).

They recommend 1.25; at 2, training collapses.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is searched: the length of the one step."""
    return {"attack": {"name": "fgsm_rs", "reach": tune.uniform(0.5, 2)}}
