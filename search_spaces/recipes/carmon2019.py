"""Settings of robust self-training (Carmon et al., 2019, arXiv:1905.13736).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, which
takes unlabelled images, is not here; TRADES, on which it builds, stands in for it with its
published beta of 6. The row names no network; WRN-34-10 is Bag of Tricks'.
"""

EPOCHS = 100


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
        "model": {"name": "wrn_34_10"},
        "method": {"name": "trades", "beta": 6.0},
        "criterion": {"name": "cross_entropy"},
        "attack": {
            "name": "pgd",
            "steps": 10,
            "step_size": 2 / 255,
            "start": "gaussian",
            "project_start": False,
        },
        "update": {"name": "alternate", "mode": "eval"},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4},
        "schedule": {"name": "cosine"},
        "eps_schedule": {"name": "constant"},
    }
