"""PGD-AT on CIFAR-10 at 8/255 as Madry et al. (2018, arXiv:1706.06083) train it.

Table 1 of Bag of Tricks (arXiv:2010.00467); the attack, its train mode and the network are those of
the published code, whose WRN-32-10 is WRN-34-10 here. It counts 80,000 updates, normalises each
image by itself, and has no weight decay on biases and BatchNorm.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"padding": "zero"},
        model={"name": "wrn_34_10", "activation": "leaky_relu", "leaky_slope": 0.1},
        update={"mode": "train"},
        optimizer={"weight_decay": 2e-4},
        schedule={"drops": (100 / 200, 150 / 200)},
    )
