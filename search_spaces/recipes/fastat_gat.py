"""GAT on CIFAR-10 at 8/255 as FastAT_Benchmark (arXiv:2604.22853) trains it.

In every other update, its attack maximises the cross-entropy of probabilities in place of logits.
Here it is that of logits, as in the published code.
"""

from search_spaces.recipes._fastat import build_fastat_recipe

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_fastat_recipe(
        {"name": "gat", "weight": 10.0, "late_factor": 4.0, "late": 0.86},
        {"name": "fgsm_bernoulli", "noise": 0.5, "reach": 1.0},
        {"name": "alternate", "mode": "eval"},
    )
