"""A constant eps against linear and cosine ones, on MNIST at eps 0.4 with Adam (arXiv:2006.08403).

The peaks are theirs: 2 times the target for the line, 1.5 times for the cosine. Cut down from
60,000 images, 100 epochs, LeNet and 50 attack steps to the embedded 4,000, 20, `small_cnn` and 10.
"""

from ray import tune

EPOCHS = 20
SCHEDULER = "none"


def space() -> dict[str, dict[str, object]]:
    """Return what all share, and three learning rates around their 1e-3."""
    return {
        "threat": {"name": "linf", "eps": 0.4},
        "attack": {"steps": 10, "step_size": 0.1},
        "optimizer": {"lr": tune.grid_search([3e-4, 1e-3, 3e-3]), "weight_decay": 0.0},
        "schedule": {"name": "constant"},
    }


def variants() -> dict[str, dict[str, dict[str, object]]]:
    """Return the three schedules, without another warm-up."""
    return {
        "constant": {"eps_schedule": {"name": "constant", "warmup": 0.0}},
        "linear": {"eps_schedule": {"name": "linear", "peak": 2.0}},
        "cosine": {"eps_schedule": {"name": "cosine", "peak": 1.5}},
    }
