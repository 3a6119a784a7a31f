"""Friendly adversarial training on CIFAR-10 at 0.031 (Zhang et al., 2020, arXiv:2002.11242).

Table 1 of Bag of Tricks (arXiv:2010.00467); the rest as in the published code, whose WRN-32-10 is
WRN-34-10 here. Its last drop only halves the learning rate; here each is by ten.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 120


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        threat={"eps": 0.031},
        data={"padding": "zero"},
        model={"name": "wrn_34_10", "normalize": False},
        attack={
            "name": "friendly",
            "steps": 10,
            "step_size": 0.007,
            "tolerance": 0,
            "grows": (50 / 120, 90 / 120),
            "omega": 0.001,
        },
        optimizer={"weight_decay": 2e-4},
        schedule={"drops": (60 / 120, 90 / 120, 110 / 120)},
    )
