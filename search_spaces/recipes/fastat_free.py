"""Free adversarial training on CIFAR-10 at 8/255 as FastAT_Benchmark (arXiv:2604.22853) trains it.

Its perturbation starts at 0 in every batch; here it is kept from batch to batch, as in the
published code.
"""

from search_spaces.recipes._fastat import build_fastat_recipe

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_fastat_recipe(
        {"name": "pgd_at"}, {"name": "fgsm"}, {"name": "free", "replays": 4, "reach": 1.0}
    )
