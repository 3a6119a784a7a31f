"""TRADES on CIFAR-10 at 0.031 as Zhang et al. (2019, arXiv:1901.08573) train it.

Table 1 of Bag of Tricks (arXiv:2010.00467), where this is Zhang et al. (2019b); the rest as in the
published code. It stops an epoch after the drop: early stopping by another name.
"""

EPOCHS = 76


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return {
        "threat": {"name": "linf", "eps": 0.031},
        "data": {
            "name": "cifar10",
            "validation": 1000,
            "batch_size": 128,
            "crop": 4,
            "padding": "zero",
            "flip": True,
        },
        "model": {"name": "wrn_34_10", "normalize": False},
        "method": {"name": "trades", "beta": 6.0},
        "criterion": {"name": "cross_entropy"},
        "attack": {
            "name": "pgd",
            "steps": 10,
            "step_size": 0.007,
            "start": "gaussian",
            "project_start": False,
        },
        "update": {"name": "alternate", "mode": "eval"},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 2e-4},
        "schedule": {"name": "piecewise", "drops": (75 / 76,), "decay": 0.1},
        "eps_schedule": {"name": "constant"},
    }
