"""Dynamic adversarial training on CIFAR-10 at 0.031 (Wang et al., 2019, arXiv:2112.08304).

Table 1 of Bag of Tricks (arXiv:2010.00467); the attack is that of the published code, which also
rotates and shifts images, lets the learning rate decay between its drops, and weights each image by
its loss under attack: none of these is here. Neither names a network; WRN-34-10 is Bag of Tricks'.
"""

from search_spaces.recipes._baseline import change_baseline

EPOCHS = 120


def recipe() -> dict[str, dict[str, object]]:
    """Return the configuration."""
    return change_baseline(
        method={"name": "dat", "weighted_from": 1 / 120},
        threat={"eps": 0.031},
        data={"padding": "zero"},
        model={"name": "wrn_34_10"},
        attack={
            "name": "dynamic",
            "steps": 10,
            "fosc": 0.5,
            "vanishes": 100 / 120,
            "origin": "start",
            "project_start": False,
        },
        optimizer={"lr": 0.01, "weight_decay": 1e-4},
        schedule={"drops": (60 / 120, 100 / 120)},
    )
