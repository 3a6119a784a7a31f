"""BatchNorm while attacked, the two modes of Bag of Tricks' Table 8 (arXiv:2010.00467).

It has no effect on networks without BatchNorm.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: both modes."""
    return {"update": {"mode": tune.grid_search(["train", "eval"])}}
