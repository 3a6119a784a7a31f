"""The optimizer and its learning rate (Table 5 of Bag of Tricks, arXiv:2010.00467).

There: SGD at 0.1 with momentum, Nesterov's or gradient centralisation; Adam and AdamW at 1e-4. The
ranges are a factor of ten around those rates.
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what all share: nothing."""
    return {}


def variants() -> dict[str, dict[str, dict[str, object]]]:
    """Return what is searched: the optimizer, and the knobs of each."""
    slow = tune.loguniform(1e-5, 1e-3)
    sgd = {
        "name": "sgd",
        "lr": tune.loguniform(1e-2, 1),
        "nesterov": tune.choice([False, True]),
        "centralize": tune.choice(["no", "gc", "gcc"]),
    }
    return {
        "sgd": {"optimizer": sgd},
        "adam": {"optimizer": {"name": "adam", "lr": slow}},
        "adamw": {"optimizer": {"name": "adamw", "lr": slow}},
    }
