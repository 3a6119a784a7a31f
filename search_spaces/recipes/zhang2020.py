"""Friendly adversarial training on CIFAR-10 at 0.031 (Zhang et al., 2020, arXiv:2002.11242).

Table 1 of Bag of Tricks (arXiv:2010.00467); the rest as in the published code, whose WRN-32-10 is
WRN-34-10 here. Its last drop only halves the learning rate; here each is by ten.
"""

EPOCHS = 120


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
        "method": {"name": "pgd_at"},
        "criterion": {"name": "cross_entropy"},
        "attack": {
            "name": "friendly",
            "steps": 10,
            "step_size": 0.007,
            "tolerance": 0,
            "grows": (50 / 120, 90 / 120),
            "omega": 0.001,
        },
        "update": {"name": "alternate", "mode": "eval"},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 2e-4},
        "schedule": {"name": "piecewise", "drops": (60 / 120, 90 / 120, 110 / 120), "decay": 0.1},
        "eps_schedule": {"name": "constant"},
    }
