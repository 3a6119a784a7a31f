"""PGD-AT on CIFAR-10 at 8/255 as Rice et al. (2020, arXiv:2002.11569) train it.

Table 1 of Bag of Tricks (arXiv:2010.00467); the rest as in the published code. Its early stopping
is the best checkpoint, which every search here keeps.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        update={"mode": "train"},
        schedule={"drops": (100 / 200, 150 / 200)},
    )
