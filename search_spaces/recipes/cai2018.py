"""Settings of curriculum adversarial training (Cai et al., 2018, arXiv:1805.04807).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, ever
stronger attacks, is not here; PGD-AT stands in for it. The row has a warm-up of eps but not its
length: 10 epochs are the shortest that Bag of Tricks tried. Nor does it name a network; WRN-34-10
is Bag of Tricks'.
"""

from search_spaces.recipes._baseline import build_pgd_at_recipe

EPOCHS = 300


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_pgd_at_recipe(
        lr=0.1, drops=(150 / 300, 250 / 300), batch_size=200, weight_decay=5e-4
    ) | {"eps_schedule": {"name": "constant", "warmup": 10 / 300}}
