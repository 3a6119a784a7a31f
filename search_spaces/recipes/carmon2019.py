"""Settings of robust self-training (Carmon et al., 2019, arXiv:1905.13736).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, which
takes unlabelled images, is not here; TRADES, on which it builds, stands in for it with its
published beta of 6. The row names no network; WRN-34-10 is Bag of Tricks'.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 100


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"batch_size": 256},
        model={"name": "wrn_34_10"},
        method={"name": "trades", "beta": 6.0},
        attack={"start": "gaussian", "project_start": False},
        schedule={"name": "cosine"},
    )
