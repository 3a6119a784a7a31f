"""FGSM-PCO on CIFAR-10 at 8/255 as FastAT_Benchmark (arXiv:2604.22853) trains it.

Its labels are smoothed twice, which leaves 0.4 to the label.
"""

from search_spaces.recipes._fastat import build_fastat_recipe

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_fastat_recipe(
        {"name": "fgsm_pco", "weight": 10.0, "stretch": 1.5},
        {"name": "prior_epoch", "decay": 0.0, "resets": None},
        {"name": "paired"},
        criterion={"name": "cross_entropy", "smoothing": 0.6},
    )
