"""PGD-AT's knobs together: those that Bag of Tricks (arXiv:2010.00467) found to matter.

Ranges are those of the spaces of one knob each, narrowed to what did not hurt there.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is searched: five knobs and two warm-ups."""
    return {
        "method": {"name": "pgd_at"},
        "optimizer": {"weight_decay": tune.loguniform(1e-5, 1e-2)},
        "criterion": {"name": "cross_entropy", "smoothing": tune.uniform(0, 0.4)},
        "model": {"activation": tune.choice(["relu", "gelu", "softplus"])},
        "update": {"mode": tune.choice(["train", "eval"])},
        "attack": {"steps": tune.randint(2, 11)},
        "schedule": {"warmup": tune.uniform(0, 0.2)},
        "eps_schedule": {"warmup": tune.uniform(0, 0.4)},
    }
