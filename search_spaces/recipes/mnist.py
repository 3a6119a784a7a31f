"""PGD-AT on MNIST at eps 0.3 with the network of Madry et al. (2018, arXiv:1706.06083).

Adam at a constant 1e-4, batches of 50, 40 steps of 0.01, no weight decay, are the published
setting; its 100,000 updates are 85 epochs of the 59,000 images that validation leaves.
"""

EPOCHS = 85


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return {
        "threat": {"name": "linf", "eps": 0.3},
        "data": {"name": "mnist", "validation": 1000, "batch_size": 50},
        "model": {"name": "lenet"},
        "method": {"name": "pgd_at"},
        "criterion": {"name": "cross_entropy"},
        "attack": {"name": "pgd", "steps": 40, "step_size": 0.01},
        "update": {"name": "alternate", "mode": "eval"},
        "optimizer": {"name": "adam", "lr": 1e-4, "weight_decay": 0.0},
        "schedule": {"name": "constant"},
        "eps_schedule": {"name": "constant"},
    }
