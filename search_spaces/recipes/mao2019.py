"""Settings of metric learning for robustness (Mao et al., 2019, arXiv:1909.00900).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, a
triplet loss, is not here; PGD-AT stands in for it. The row names no network; WRN-34-10 is Bag of
Tricks'.
"""

from search_spaces.recipes._baseline import build_pgd_at_recipe

EPOCHS = 80


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_pgd_at_recipe(lr=0.1, drops=(50 / 80, 60 / 80), batch_size=50, weight_decay=2e-4)
