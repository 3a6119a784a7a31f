"""PGD-AT on SVHN at 8/255, as Rice et al. (2020, arXiv:2002.11569) train it; no augmentation."""

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return {
        "threat": {"name": "linf", "eps": 8 / 255},
        "data": {"name": "svhn", "validation": 1000, "batch_size": 128},
        "model": {"name": "preact_resnet18"},
        "method": {"name": "pgd_at"},
        "criterion": {"name": "cross_entropy"},
        "attack": {"name": "pgd", "steps": 10, "step_size": 1 / 255},
        "update": {"name": "alternate", "mode": "train"},
        "optimizer": {"name": "sgd", "lr": 0.01, "momentum": 0.9, "weight_decay": 5e-4},
        "schedule": {"name": "piecewise", "drops": (0.5, 0.75), "decay": 0.1},
        "eps_schedule": {"name": "constant"},
    }
