"""Periodic adversarial scheduling on CIFAR-10 at 8/255 (Liu et al., 2020, arXiv:2006.08403).

A row of its Table 1: half-width ResNet-18, a cosine of eps to twice the target, periods
0:100:150:200 whose end models form an ensemble. The rest as in the published code; the weight
decay is that in the names of its checkpoints, the batch size is that of its MNIST runs. Drops are
shares of a period. Without periods theirs are at 100 and 150 of 200 epochs; those within a period
are not published, and taken to be the same shares.
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
        "model": {"name": "resnet18", "width": 32, "normalize": False},
        "method": {"name": "pgd_at"},
        "criterion": {"name": "cross_entropy"},
        "attack": {"name": "pgd", "steps": 10, "step_size": 2 / 255, "start": "step"},
        "update": {"name": "alternate", "mode": "eval"},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 1e-3},
        "schedule": {"name": "piecewise", "drops": (100 / 200, 150 / 200), "decay": 0.1},
        "eps_schedule": {"name": "cosine", "peak": 2.0, "steps_follow": True, "every": "epoch"},
        "periods": {"resets": (100 / 200, 150 / 200)},
        "average": {"name": "ensemble"},
    }
