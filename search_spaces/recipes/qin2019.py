"""Local linearity regularisation on CIFAR-10 at 8/255 (Qin et al., 2019, arXiv:1907.02610).

Table 1 of Bag of Tricks (arXiv:2010.00467), and their text for the 15 epochs of warm-up; WRN-40-8
from their Table 13. Softplus, both loss weights and the search are as in the published code, whose
schedule differs: 100,000 updates, batches of 64, drops at 80, 88 and 96 %.
"""

EPOCHS = 110


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return {
        "threat": {"name": "linf", "eps": 8 / 255},
        "data": {
            "name": "cifar10",
            "validation": 1000,
            "batch_size": 256,
            "crop": 4,
            "padding": "reflect",
            "flip": True,
        },
        "model": {"name": "wide_resnet", "depth": 40, "widen": 8, "activation": "softplus"},
        "method": {"name": "llr", "gamma_weight": 2.0, "slope_weight": 0.6, "search": "loss"},
        "criterion": {"name": "cross_entropy"},
        "attack": {"name": "adam", "steps": 10, "rate": 0.1},
        "update": {"name": "alternate", "mode": "eval"},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 2e-4},
        "schedule": {"name": "piecewise", "drops": (100 / 110, 105 / 110), "decay": 0.1},
        "eps_schedule": {"name": "constant", "warmup": 15 / 110},
    }
