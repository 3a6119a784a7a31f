"""FGSM with GradAlign on SVHN at 8/255 (Andriushchenko and Flammarion, 2020, arXiv:2007.02617).

As in the published code: the learning rate goes from 0 to 0.05 at two fifths of the run and back.
The weight is their lambda at 8/255, 1.5625 * 1.6^(255 eps / 8). They warm the step up for 5 epochs;
here eps does, and with it the ball that the second gradient is taken in.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 15


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"name": "svhn", "validation": 1000, "batch_size": 128, "crop": 4, "padding": "zero"},
        model={"normalize": False, "shortcut": "raw", "final_norm": False},
        method={"name": "grad_align", "weight": 2.5},
        attack={"name": "fgsm"},
        update={"mode": "train"},
        optimizer={"lr": 0.05},
        schedule={"name": "one_cycle", "peak": 2 / 5},
        eps_schedule={"warmup": 5 / 15},
    )
