"""TRADES with hypersphere embedding on CIFAR-10 at 0.031 (Pang et al., 2020, arXiv:2002.08619).

As in the published code, at 0.031, a little less than 8/255, and with one pass of the clean images.
"""

EPOCHS = 77


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
        "model": {"name": "wrn_34_10", "head": "cosine", "s": 15.0},
        "method": {"name": "trades", "beta": 6.0, "bn_updates": "each_pass"},
        "criterion": {"name": "hypersphere", "m": 0.2},
        "attack": {
            "name": "pgd",
            "steps": 10,
            "step_size": 0.007,
            "start": "gaussian",
            "project_start": False,
        },
        "update": {"name": "alternate", "mode": "eval"},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 2e-4},
        "schedule": {"name": "piecewise", "drops": (75 / 77,), "decay": 0.1},
        "eps_schedule": {"name": "constant"},
    }
