"""FGSM with GradAlign on SVHN at 8/255 (Andriushchenko and Flammarion, 2020, arXiv:2007.02617).

As in the published code: the learning rate goes from 0 to 0.05 at two fifths of the run and back.
The weight is their lambda at 8/255, 1.5625 * 1.6^(255 eps / 8). They warm the step up for 5 epochs;
here eps does, and with it the ball that the second gradient is taken in.
"""

EPOCHS = 15


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return {
        "threat": {"name": "linf", "eps": 8 / 255},
        "data": {
            "name": "svhn",
            "validation": 1000,
            "batch_size": 128,
            "crop": 4,
            "padding": "zero",
        },
        "model": {
            "name": "preact_resnet18",
            "shortcut": "raw",
            "final_norm": False,
            "normalize": False,
        },
        "method": {"name": "grad_align", "weight": 2.5},
        "criterion": {"name": "cross_entropy"},
        "attack": {"name": "fgsm"},
        "update": {"name": "alternate", "mode": "train"},
        "optimizer": {"name": "sgd", "lr": 0.05, "momentum": 0.9, "weight_decay": 5e-4},
        "schedule": {"name": "one_cycle", "peak": 2 / 5},
        "eps_schedule": {"name": "constant", "warmup": 5 / 15},
    }
