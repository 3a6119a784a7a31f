"""Settings of adversarial vertex mixup (Lee et al., 2020, arXiv:2003.02484).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, which
blends images with attacked ones, is not here; PGD-AT stands in for it. The row names no network;
WRN-34-10 is Bag of Tricks'.
"""

from search_spaces.recipes._baseline import build_pgd_at_recipe

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_pgd_at_recipe(
        lr=0.1, drops=(100 / 200, 150 / 200), batch_size=128, weight_decay=2e-4
    )
