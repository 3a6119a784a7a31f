"""PGD-AT on CIFAR-10 at 8/255: the baseline of Bag of Tricks (Pang et al., arXiv:2010.00467)."""

EPOCHS = 110


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration: their defaults, with eval-mode BatchNorm as they recommend."""
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
        "update": {"name": "alternate", "mode": "eval"},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4},
        "schedule": {"name": "piecewise", "drops": (100 / 110, 105 / 110), "decay": 0.1},
        "eps_schedule": {"name": "constant"},
    }
