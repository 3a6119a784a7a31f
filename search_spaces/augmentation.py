"""Augmentation under attack: how images are moved, recoloured and mixed.

Crop and flip are what most papers have; cutout (up to 20 of 32 pixels, Rice et al.,
arXiv:2002.11569), CutMix (Rebuffi et al., arXiv:2103.01946, with averaged weights), TrivialAugment
(arXiv:2103.10158), RandAugment (arXiv:1909.13719), and IDBH (Li and Spratling, arXiv:2301.09879),
which replaces the crop. Heavy augmentation needs long training and averaged weights.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what all share: nothing."""
    return {}


def variants() -> dict[str, dict[str, dict[str, object]]]:
    """Return what is searched: the kind of augmentation, and the strength of each."""
    level = tune.randint(3, 20)
    return {
        "crop": {"data": {"policy": "none"}},
        "cutout": {"data": {"cutout": tune.randint(1, 21)}},
        "cutmix": {"data": {"cutmix": tune.uniform(0.2, 1)}},
        "trivial_augment": {"data": {"policy": "trivial_augment"}},
        "rand_augment": {"data": {"policy": "rand_augment", "policy_level": level}},
        "idbh": {"data": {"policy": tune.choice(["idbh_weak", "idbh_strong"]), "crop": 0}},
    }
