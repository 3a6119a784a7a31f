"""Local linearity regularisation on CIFAR-10 at 8/255 (Qin et al., 2019, arXiv:1907.02610).

Table 1 of Bag of Tricks (arXiv:2010.00467), and their text for the 15 epochs of warm-up; WRN-40-8
from their Table 13. Softplus, both loss weights and the search are as in the published code, whose
schedule differs: 100,000 updates, batches of 64, drops at 80, 88 and 96 %.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 110


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"batch_size": 256},
        model={"name": "wide_resnet", "depth": 40, "widen": 8, "activation": "softplus"},
        method={"name": "llr", "gamma_weight": 2.0, "slope_weight": 0.6, "search": "loss"},
        attack={"name": "adam", "steps": 10, "rate": 0.1},
        optimizer={"weight_decay": 2e-4},
        eps_schedule={"warmup": 15 / 110},
    )
