"""TRADES on CIFAR-10 at 0.031 as Zhang et al. (2019, arXiv:1901.08573) train it.

Table 1 of Bag of Tricks (arXiv:2010.00467), where this is Zhang et al. (2019b); the rest as in the
published code. It stops an epoch after the drop: early stopping by another name.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 76


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        threat={"eps": 0.031},
        data={"padding": "zero"},
        model={"name": "wrn_34_10", "normalize": False},
        method={"name": "trades", "beta": 6.0},
        attack={"step_size": 0.007, "start": "gaussian", "project_start": False},
        optimizer={"weight_decay": 2e-4},
        schedule={"drops": (75 / 76,)},
    )
