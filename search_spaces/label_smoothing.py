"""Label smoothing, the values of Bag of Tricks' Table 4 (arXiv:2010.00467): 0.1 to 0.3 help."""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: five values."""
    return {
        "criterion": {
            "name": "cross_entropy",
            "smoothing": tune.grid_search([0.0, 0.1, 0.2, 0.3, 0.4]),
        }
    }
