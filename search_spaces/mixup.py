"""Mixup under attack, the strengths of Rice et al. (arXiv:2002.11569): 0.2 to 2.0."""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is searched: the strength, from 0."""
    return {"data": {"mixup": tune.uniform(0, 2)}}
