"""LIET on CIFAR-10 at 8/255 as FastAT_Benchmark (arXiv:2604.22853) trains it."""

from search_spaces.recipes._fastat import build_fastat_recipe

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_fastat_recipe(
        {"name": "liet", "weight": 100.0},
        {"name": "label_information", "renewal": 20, "fewest": 0.1, "most": 0.5},
        {"name": "paired"},
        criterion={"name": "random_smoothing", "smoothing": 0.6},
    )
