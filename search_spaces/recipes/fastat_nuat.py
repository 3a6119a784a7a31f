"""NuAT on CIFAR-10 at 8/255 as FastAT_Benchmark (arXiv:2604.22853) trains it.

BatchNorm is in train mode during its attack, unlike in the published code, and its attack maximises
the smoothed loss.
"""

from search_spaces.recipes._fastat import build_fastat_recipe

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_fastat_recipe(
        {"name": "nuat", "weight": 4.0, "ramp": 1.0},
        {"name": "fgsm_bernoulli", "noise": 0.5, "reach": 1.0},
        {"name": "alternate", "mode": "train"},
    )
