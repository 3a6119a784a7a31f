"""N-AAER on CIFAR-10 at 8/255 as FastAT_Benchmark (arXiv:2604.22853) trains it."""

from search_spaces.recipes._fastat import build_fastat_recipe

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_fastat_recipe(
        {"name": "aaer", "weight": 0.15},
        {"name": "n_fgsm", "noise": 2.0, "reach": 1.0},
        {"name": "paired"},
        criterion={"name": "cross_entropy"},
    )
