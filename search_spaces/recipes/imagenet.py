"""Free-AT on ImageNet at 4/255 (Shafahi et al., 2019, arXiv:1904.12843), as in its code.

ResNet-50, four replays, and 90 epochs counted with them; drops at each third of the run.
"""

EPOCHS = 90


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return {
        "threat": {"name": "linf", "eps": 4 / 255},
        "data": {
            "name": "imagenet",
            "validation": 5000,
            "batch_size": 256,
            "flip": True,
        },
        "model": {"name": "resnet50", "stem": "large"},
        "method": {"name": "pgd_at"},
        "criterion": {"name": "cross_entropy"},
        "attack": {"name": "pgd"},
        "update": {"name": "free", "replays": 4},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-4},
        "schedule": {"name": "piecewise", "drops": (30 / 90, 60 / 90), "decay": 0.1},
        "eps_schedule": {"name": "constant"},
    }
