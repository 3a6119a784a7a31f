"""Settings of feature scattering (Zhang and Wang, 2019, arXiv:1907.10764).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, whose
attack scatters features, is not here; PGD-AT stands in for it. The row names no network; WRN-34-10
is Bag of Tricks'.
"""

from search_spaces.recipes._baseline import build_pgd_at_recipe

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_pgd_at_recipe(lr=0.1, drops=(60 / 200, 90 / 200), batch_size=60, weight_decay=2e-4)
