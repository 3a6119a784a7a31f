"""Fast-AT on CIFAR-10 at 8/255 as Wong et al. (2020, arXiv:2001.03994) train it.

Table 1 of Bag of Tricks (arXiv:2010.00467): the learning rate goes from 0 to 0.2 and back, which is
the table's warm-up. The peak at half of the run and the attack are those of the published code,
whose default is 15 epochs.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 30


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        model={"shortcut": "raw"},
        data={"padding": "zero"},
        attack={"name": "fgsm_rs", "reach": 1.25},
        update={"mode": "train"},
        optimizer={"lr": 0.2},
        schedule={"name": "one_cycle", "peak": 15 / 30},
    )
