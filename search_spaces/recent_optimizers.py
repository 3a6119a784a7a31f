"""SGD and AdamW beside Muon, Lion and LAMB; the last two need the extra `timm`.

Rates and decays are a factor of ten around published ones: SGD as in Bag of Tricks
(arXiv:2010.00467), AdamW and Muon, which shares its rate, as in Liu et al. (arXiv:2502.16982), Lion
with a third to a tenth of that (arXiv:2302.06675), LAMB as in You et al. (arXiv:1904.00962).
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what all share: nothing."""
    return {}


def variants() -> dict[str, dict[str, dict[str, object]]]:
    """Return what is searched: the optimizer, its learning rate and its weight decay."""
    decay = tune.loguniform(1e-3, 0.5)
    return {
        "sgd": {
            "optimizer": {
                "name": "sgd",
                "lr": tune.loguniform(1e-2, 1),
                "weight_decay": tune.loguniform(5e-5, 5e-3),
            }
        },
        "adamw": {
            "optimizer": {
                "name": "adamw",
                "lr": tune.loguniform(1e-4, 1e-2),
                "weight_decay": decay,
            }
        },
        "muon": {
            "optimizer": {"name": "muon", "lr": tune.loguniform(1e-4, 1e-2), "weight_decay": decay}
        },
        "lion": {
            "optimizer": {"name": "lion", "lr": tune.loguniform(1e-5, 1e-3), "weight_decay": decay}
        },
        "lamb": {
            "optimizer": {"name": "lamb", "lr": tune.loguniform(1e-3, 1e-1), "weight_decay": decay}
        },
    }
