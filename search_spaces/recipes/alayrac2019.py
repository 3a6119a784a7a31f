"""Settings of unsupervised adversarial training (Alayrac et al., 2019, arXiv:1905.13725).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, which
takes unlabelled images, is not here; PGD-AT stands in for it. The row names no network; WRN-34-10
is Bag of Tricks'.
"""

from search_spaces.recipes._baseline import build_pgd_at_recipe

EPOCHS = 64


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_pgd_at_recipe(
        lr=0.2, drops=(38 / 64, 46 / 64, 51 / 64), batch_size=128, weight_decay=5e-4
    )
