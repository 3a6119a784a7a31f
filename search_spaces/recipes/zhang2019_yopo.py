"""YOPO-5-3 on CIFAR-10 at 8/255 as Zhang et al. (2019, arXiv:1905.00877) train it.

Table 1 of Bag of Tricks (arXiv:2010.00467), where this is Zhang et al. (2019a); passes and steps
are those of the published code. That trains for 36 epochs at 0.08, with drops at 30 and 34.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 105


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"batch_size": 256, "padding": "zero"},
        model={"name": "wrn_34_10", "normalize": False},
        attack={"name": "pgd"},
        update={"name": "yopo", "passes": 5, "steps": 3, "step_size": 2 / 255},
        optimizer={"lr": 0.05},
        schedule={"drops": (79 / 105, 90 / 105, 100 / 105)},
    )
