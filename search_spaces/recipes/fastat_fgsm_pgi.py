"""FGSM-PGI on CIFAR-10 at 8/255 as FastAT_Benchmark (arXiv:2604.22853) trains it."""

from search_spaces.recipes._fastat import build_fastat_recipe

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_fastat_recipe(
        {"name": "fgsm_pgi", "weight": 10.0},
        {"name": "prior_epoch", "decay": 0.3, "resets": 40, "project_start": True},
        {"name": "paired"},
    )
