"""Catastrophic overfitting at 16/255: FGSM, FGSM + GradAlign and PGD-2 (arXiv:2007.02617).

Lambda is theirs for 16/255 on CIFAR-10; PGD-2 starts at the image with steps of eps/2, as theirs.
Cut down from PreAct-ResNet-18 at full width, 50,000 images and 30 epochs.
"""

EPOCHS = 14
SCHEDULER = "none"
EPS = 16 / 255


def space() -> dict[str, dict[str, object]]:
    """Return what all share: a network of width 8 on 5,000 images, one-cycle to 0.1."""
    return {
        "threat": {"name": "linf", "eps": EPS},
        "data": {
            "name": "arrays",
            "limit": 5000,
            "validation": 500,
            "batch_size": 64,
            "crop": 4,
            "flip": True,
        },
        "model": {"width": 8},
        "update": {"mode": "train"},
        "optimizer": {"lr": 0.1},
        "schedule": {"name": "one_cycle"},
        "sentinel": {"every": 0},  # collapses are what is studied
    }


def variants() -> dict[str, dict[str, dict[str, object]]]:
    """Return the three ways to train."""
    return {
        "FGSM": {"attack": {"name": "fgsm"}},
        "FGSM + GradAlign": {"method": {"name": "grad_align", "weight": 2.0}},
        "PGD-2": {"attack": {"steps": 2, "step_size": EPS / 2, "start": "zero"}},
    }
