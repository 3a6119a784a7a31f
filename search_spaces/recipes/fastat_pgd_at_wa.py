"""PGD-AT with an average on CIFAR-10 at 8/255 as FastAT_Benchmark (arXiv:2604.22853) trains it."""

from search_spaces.recipes._fastat import build_fastat_recipe

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_fastat_recipe(
        {"name": "pgd_at"},
        {"name": "pgd", "steps": 10, "step_size": 2 / 255},
        {"name": "alternate", "mode": "eval"},
    )
