"""PGD-AT on CIFAR-10 at 8/255 as Madry et al. (2018, arXiv:1706.06083) train it.

Table 1 of Bag of Tricks (arXiv:2010.00467); the attack, its train mode and the network are those of
the published code, whose WRN-32-10 is WRN-34-10 here. It counts 80,000 updates, normalises each
image by itself, and has no weight decay on biases and BatchNorm.
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
            "padding": "zero",
            "flip": True,
        },
        "model": {"name": "wrn_34_10", "activation": "leaky_relu", "leaky_slope": 0.1},
        "method": {"name": "pgd_at"},
        "criterion": {"name": "cross_entropy"},
        "attack": {"name": "pgd", "steps": 10, "step_size": 2 / 255},
        "update": {"name": "alternate", "mode": "train"},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 2e-4},
        "schedule": {"name": "piecewise", "drops": (100 / 200, 150 / 200), "decay": 0.1},
        "eps_schedule": {"name": "constant"},
    }
