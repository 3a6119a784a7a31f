"""Periodic adversarial scheduling on CIFAR-10 at 8/255 (Liu et al., 2020, arXiv:2006.08403).

A row of its Table 1: half-width ResNet-18, a cosine of eps to twice the target, periods
0:100:150:200 whose end models form an ensemble. The rest as in the published code; the weight
decay is that in the names of its checkpoints, the batch size is that of its MNIST runs. Drops are
shares of a period. Without periods theirs are at 100 and 150 of 200 epochs; those within a period
are not published, and taken to be the same shares.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 200


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        data={"padding": "zero"},
        model={"name": "resnet18", "width": 32, "normalize": False},
        attack={"start": "step"},
        optimizer={"weight_decay": 1e-3},
        schedule={"drops": (100 / 200, 150 / 200)},
        eps_schedule={"name": "cosine", "peak": 2.0, "steps_follow": True, "every": "epoch"},
        periods={"resets": (100 / 200, 150 / 200)},
        average={"name": "ensemble"},
    )
