"""Settings of self-adaptive training (Huang et al., 2020, arXiv:2002.10319).

Only the settings of a row of Table 1 of Bag of Tricks (arXiv:2010.00467): the method itself, which
corrects labels, is not here; TRADES, on which its published code builds, stands in for it as that
code has it: beta 6 at 0.031 on WRN-34-10. (Its learning rate drops at 75 of 100 epochs.) The row
has a warm-up of the learning rate but not its length: 10 epochs are the shortest that Bag of Tricks
tried.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        threat={"eps": 0.031},
        data={"batch_size": 256, "padding": "zero"},
        model={"name": "wrn_34_10", "normalize": False},
        method={"name": "trades", "beta": 6.0},
        attack={"step_size": 0.007, "start": "gaussian", "project_start": False},
        schedule={"name": "cosine", "warmup": 10 / 200},
    )
