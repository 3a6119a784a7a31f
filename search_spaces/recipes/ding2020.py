"""Settings of MMA training (Ding et al., 2020, arXiv:1812.02637).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, with a
radius for each image, is not here; PGD-AT stands in for it. The network is that of its published
code, WRN-28-4, and so is the decay: learning rates of 0.3, 0.09, 0.03 and 0.009 there, 0.3 times
each other here.
"""

from search_spaces.recipes._baseline import build_pgd_at_recipe

EPOCHS = 128


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return build_pgd_at_recipe(
        lr=0.3, drops=(51 / 128, 77 / 128, 102 / 128), batch_size=128, weight_decay=2e-4, decay=0.3
    ) | {"model": {"name": "wide_resnet", "depth": 28, "widen": 4}}
