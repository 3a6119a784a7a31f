"""FGSM with GradAlign on CIFAR-10 at 8/255 (Andriushchenko and Flammarion, 2020, arXiv:2007.02617).

As in the published code: the learning rate goes from 0 to 0.3 at two fifths of the run and back.
The weight is their lambda at 8/255.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 30


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"padding": "zero"},
        model={"normalize": False, "shortcut": "raw", "final_norm": False},
        method={"name": "grad_align", "weight": 0.2},
        attack={"name": "fgsm"},
        update={"mode": "train"},
        optimizer={"lr": 0.3},
        schedule={"name": "one_cycle", "peak": 2 / 5},
    )
