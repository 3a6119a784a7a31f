"""Settings of controlling neural level sets (Atzmon et al., 2019, arXiv:1905.11911).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, which
samples level sets, is not here; PGD-AT stands in for it. The row names no network; WRN-34-10 is Bag
of Tricks'.
"""

from search_spaces.recipes._baseline import build_pgd_at_recipe

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_pgd_at_recipe(lr=0.01, drops=(50 / 100,), batch_size=32, weight_decay=1e-4)
