"""Fast-AT on CIFAR-10 at 8/255 as Wong et al. (2020, arXiv:2001.03994) train it.

Table 1 of Bag of Tricks (arXiv:2010.00467): the learning rate goes from 0 to 0.2 and back, which is
the table's warm-up. The peak at half of the run, the attack and the network are those of the
published code, whose default is 15 epochs.
"""

EPOCHS = 30


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
        "model": {"name": "preact_resnet18", "shortcut": "raw"},
        "method": {"name": "pgd_at"},
        "criterion": {"name": "cross_entropy"},
        "attack": {"name": "fgsm_rs", "reach": 1.25},
        "update": {"name": "alternate", "mode": "train"},
        "optimizer": {"name": "sgd", "lr": 0.2, "momentum": 0.9, "weight_decay": 5e-4},
        "schedule": {"name": "one_cycle", "peak": 15 / 30},
        "eps_schedule": {"name": "constant"},
    }
