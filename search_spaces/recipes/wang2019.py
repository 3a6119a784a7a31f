"""Dynamic adversarial training on CIFAR-10 at 0.031 (Wang et al., 2019, arXiv:2112.08304).

Table 1 of Bag of Tricks (arXiv:2010.00467); the attack and the weights of the losses are those of
the published code. It also rotates and shifts images and lets the learning rate decay between its
drops: neither is here. Neither names a network; WRN-34-10 is Bag of Tricks'.
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
        "model": {"name": "wrn_34_10"},
        "method": {"name": "dat", "weighted_from": 1 / 120},
        "criterion": {"name": "cross_entropy"},
        "attack": {
            "name": "dynamic",
            "steps": 10,
            "fosc": 0.5,
            "vanishes": 100 / 120,
            "origin": "start",
            "project_start": False,
        },
        "update": {"name": "alternate", "mode": "eval"},
        "optimizer": {"name": "sgd", "lr": 0.01, "momentum": 0.9, "weight_decay": 1e-4},
        "schedule": {"name": "piecewise", "drops": (60 / 120, 100 / 120), "decay": 0.1},
        "eps_schedule": {"name": "constant"},
    }
