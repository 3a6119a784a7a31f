"""Settings of the Max-Mahalanobis center loss (Pang et al., 2020, arXiv:1905.10626).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, a loss
with fixed centers, is not here; PGD-AT stands in for it. The row names no network; WRN-34-10 is Bag
of Tricks'.
"""

from search_spaces.recipes._baseline import build_pgd_at_recipe

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_pgd_at_recipe(
        lr=0.01, drops=(100 / 200, 150 / 200), batch_size=50, weight_decay=1e-4
    )
