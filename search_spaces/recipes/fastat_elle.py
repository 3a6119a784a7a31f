"""ELLE on CIFAR-10 at 8/255 as FastAT_Benchmark (arXiv:2604.22853) trains it.

Its weight of 1 is a thousandth of that of the published commands, and its attack is that of N-FGSM
with another start and step.
"""

from search_spaces.recipes._fastat import build_fastat_recipe

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_fastat_recipe(
        {"name": "elle", "weight": 1.0, "schedule": "constant"},
        {"name": "n_fgsm", "noise": 1.0, "reach": 1.25},
        {"name": "alternate", "mode": "train"},
    )
