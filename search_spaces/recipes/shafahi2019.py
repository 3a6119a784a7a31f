"""Free-AT on CIFAR-10 at 8/255 as Shafahi et al. (2019, arXiv:1904.12843) train it.

Table 1 of Bag of Tricks (arXiv:2010.00467); the eight replays, which its epochs count, and the
network are those of the published code, whose WRN-32-10 is WRN-34-10 here.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"padding": "zero"},
        model={"name": "wrn_34_10"},
        attack={"name": "pgd"},
        update={"name": "free", "replays": 8},
        optimizer={"weight_decay": 2e-4},
        schedule={"drops": (100 / 200, 150 / 200)},
    )
