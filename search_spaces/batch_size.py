"""The batch size, its learning rate scaled or not (Table 3 of Bag of Tricks, arXiv:2010.00467).

64 to 512 there, with lr 0.1 at 128; 128 is best, and scaling helps the others.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is tried: four sizes, with the recipe's learning rate and with the scaled one."""
    return {
        "data": {"batch_size": tune.grid_search([64, 128, 256, 512])},
        "optimizer": {"lr_batch_size": tune.grid_search([None, 128])},
    }
