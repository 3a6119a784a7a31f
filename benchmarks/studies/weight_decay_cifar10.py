"""Weight decay of PGD-AT on CIFAR-10: 1e-4, 2e-4, 5e-4 (Bag of Tricks, arXiv:2010.00467).

Cut down from WRN-34-10, 50,000 images and 110 epochs; drops at 100/110 and 105/110 as theirs.
"""

from ray import tune

EPOCHS = 10
SCHEDULER = "none"


def space() -> dict[str, dict[str, object]]:
    """Return the three values, for a network of width 8 on 2,000 images."""
    return {
        "data": {
            "name": "arrays",
            "limit": 2000,
            "validation": 1000,
            "batch_size": 64,
            "crop": 4,
            "padding": "reflect",
            "flip": True,
        },
        "threat": {"name": "linf", "eps": 8 / 255},
        "model": {"width": 8},
        "optimizer": {"weight_decay": tune.grid_search([1e-4, 2e-4, 5e-4])},
    }
