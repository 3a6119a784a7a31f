"""PGD-AT on CIFAR-10 at 8/255 as Rice et al. (2020, arXiv:2002.11569) train it.

Table 1 of Bag of Tricks (arXiv:2010.00467); the rest as in the published code. Its early stopping
is the best checkpoint, which every search here keeps.
"""

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return {
        "threat": {"name": "linf", "eps": 8 / 255},
        "data": {
            "name": "cifar10",
            "validation": 1000,
            "batch_size": 128,
            "crop": 4,
            "padding": "reflect",
            "flip": True,
        },
        "model": {"name": "preact_resnet18"},
        "method": {"name": "pgd_at"},
        "criterion": {"name": "cross_entropy"},
        "attack": {"name": "pgd", "steps": 10, "step_size": 2 / 255},
        "update": {"name": "alternate", "mode": "train"},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4},
        "schedule": {"name": "piecewise", "drops": (100 / 200, 150 / 200), "decay": 0.1},
        "eps_schedule": {"name": "constant"},
    }
