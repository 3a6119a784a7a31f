"""Periodic adversarial scheduling on MNIST at eps 0.4 (Liu et al., 2020, arXiv:2006.08403).

A row of its Table 1: a cosine of eps to one and a half times the target, in one period; the rest as
in the published code.
"""

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return {
        "threat": {"name": "linf", "eps": 0.4},
        "data": {"name": "mnist", "validation": 1000, "batch_size": 128},
        "model": {"name": "lenet"},
        "method": {"name": "pgd_at"},
        "criterion": {"name": "cross_entropy"},
        "attack": {"name": "pgd", "steps": 50, "step_size": 0.01, "start": "step"},
        "update": {"name": "alternate", "mode": "eval"},
        "optimizer": {"name": "adam", "lr": 1e-4, "weight_decay": 0.0},
        "schedule": {"name": "constant"},
        "eps_schedule": {"name": "cosine", "peak": 1.5, "steps_follow": True, "every": "epoch"},
    }
