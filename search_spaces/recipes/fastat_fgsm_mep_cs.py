"""FGSM-MEP with smooth convergence on CIFAR-10 as FastAT_Benchmark (arXiv:2604.22853) trains it.

Its labels are smoothed twice, which leaves 0.4 to the label.
"""

from search_spaces.recipes._fastat import build_fastat_recipe

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_fastat_recipe(
        {"name": "fgsm_mep_cs", "gamma": 0.03, "ratio": 1.0, "stride": 1, "phases": ()},
        {"name": "prior_epoch", "decay": 0.3, "resets": 40},
        {"name": "alternate", "mode": "train"},
        criterion={"name": "cross_entropy", "smoothing": 0.6},
    )
