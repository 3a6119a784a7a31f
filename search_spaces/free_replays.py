"""The replays of Free-AT (Shafahi et al., 2019, arXiv:1904.12843): 2, 4, 8, 10; 8 is theirs."""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: four numbers of replays."""
    return {"update": {"name": "free", "replays": tune.grid_search([2, 4, 8, 10])}}
