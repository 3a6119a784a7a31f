"""Settings of adaptive networks (Xu et al., 2020, arXiv:2006.00387).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, a
network that adapts to its input, is not here; PGD-AT stands in for it. The row names no network;
WRN-34-10 is Bag of Tricks'.
"""

from search_spaces.recipes._baseline import build_pgd_at_recipe

EPOCHS = 120


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_pgd_at_recipe(
        lr=0.1, drops=(60 / 120, 90 / 120), batch_size=256, weight_decay=1e-4
    )
