"""PGD-AT on SVHN at 8/255, as Rice et al. (2020, arXiv:2002.11569) train it; no augmentation."""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"name": "svhn", "validation": 1000, "batch_size": 128},
        attack={"step_size": 1 / 255},
        update={"mode": "train"},
        optimizer={"lr": 0.01},
        schedule={"drops": (0.5, 0.75)},
    )
