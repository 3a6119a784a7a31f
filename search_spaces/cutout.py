"""Cutout under attack, the lengths of Rice et al. (arXiv:2002.11569): 2 to 20 of 32 pixels."""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is searched: the side of the square, in pixels."""
    return {"data": {"cutout": tune.randint(0, 21)}}
