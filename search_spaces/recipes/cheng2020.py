"""Settings of customized adversarial training (Cheng et al., 2020, arXiv:2002.06789).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, with a
radius and labels for each image, is not here; PGD-AT stands in for it. The row names no network;
WRN-34-10 is Bag of Tricks'.
"""

from search_spaces.recipes._baseline import build_pgd_at_recipe

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_pgd_at_recipe(
        lr=0.1, drops=(80 / 200, 140 / 200, 180 / 200), batch_size=128, weight_decay=5e-4
    )
