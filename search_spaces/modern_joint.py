"""What papers since 2020 add to PGD-AT, together: the search that the recipe `modern` stands for.

Method (PGD-AT; TRADES, beta as in `trades_beta`; N-FGSM, noise as in `fast_at_joint`), average
(Gowal et al., arXiv:2010.03593; Izmailov et al., arXiv:1803.05407), augmentation (TrivialAugment,
arXiv:2103.10158; IDBH, arXiv:2301.09879), label smoothing and weight decay (Bag of Tricks,
arXiv:2010.00467), activation, and the peak of the learning rate from a short warm-up (Rebuffi et
al., arXiv:2103.01946) to the middle (Wong et al., arXiv:2001.03994). Methods, averages and
augmentations are combined in all ways; a knob is searched where it has an effect.
"""

from itertools import product

from ray import tune

Layer = dict[str, dict[str, object]]


def space() -> Layer:
    """Return what all search: five knobs."""
    return {
        "model": {"activation": tune.choice(["relu", "silu"])},
        "criterion": {"name": "cross_entropy", "smoothing": tune.uniform(0, 0.4)},
        "optimizer": {"name": "sgd", "nesterov": True, "weight_decay": tune.loguniform(1e-4, 2e-3)},
        "schedule": {
            "name": "one_cycle",
            "shape": tune.choice(["linear", "cosine"]),
            "peak": tune.uniform(0.02, 0.5),
        },
    }


def variants() -> dict[str, Layer]:
    """Return methods, averages and augmentations in all combinations, with the knobs of each."""
    combined = product(list_methods().items(), list_averages().items(), list_policies().items())
    return {
        ", ".join(name for name, _ in parts): {
            group: settings for _, layer in parts for group, settings in layer.items()
        }
        for parts in combined
    }


def list_methods() -> dict[str, Layer]:
    """Return the methods."""
    return {
        "pgd_at": {"method": {"name": "pgd_at"}},
        "trades": {
            "method": {"name": "trades", "beta": tune.uniform(2, 8)},
            "attack": {"start": "gaussian", "project_start": False},
        },
        "n_fgsm": {
            "method": {"name": "n_fgsm"},
            "attack": {"name": "n_fgsm", "noise": tune.uniform(1, 3)},
            "update": {"name": "alternate", "mode": "train"},
        },
    }


def list_averages() -> dict[str, Layer]:
    """Return the averages."""
    return {
        "ema": {"average": {"name": "ema", "max_share": tune.uniform(0.02, 0.2)}},
        "swa": {"average": {"name": "swa", "start": tune.uniform(0.3, 0.9)}},
    }


def list_policies() -> dict[str, Layer]:
    """Return the augmentations."""
    return {
        "crop": {"data": {"policy": "none"}},
        "trivial": {"data": {"policy": "trivial_augment"}},
        "idbh": {"data": {"policy": "idbh_weak", "crop": 0}},
    }
