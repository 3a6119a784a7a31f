"""TRADES' knobs together (Zhang et al., arXiv:1901.08573; Bag of Tricks, arXiv:2010.00467).

Table 9 of the latter moves weight decay, the mode of BatchNorm and the activation; beta is 1 to 10
in the published code.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what is searched: five knobs."""
    return {
        "method": {"name": "trades", "beta": tune.uniform(1, 10)},
        "optimizer": {"weight_decay": tune.loguniform(1e-5, 1e-2)},
        "criterion": {"name": "cross_entropy", "smoothing": tune.uniform(0, 0.4)},
        "model": {"activation": tune.choice(["relu", "softplus"])},
        "eps_schedule": {"warmup": tune.uniform(0, 0.4)},
    }
