"""Single-step methods with their knobs: FastAT_Benchmark (arXiv:2604.22853), tuned.

The benchmark trains each method once with settings chosen by hand: ResNet-18, SGD at 0.1, one cycle
of 100 epochs, label smoothing of 0.4 to 0.6, averaged weights. Here smoothing and weight decay are
searched too, and each method searches its strength around its published value, by a
factor of four (arXiv:2001.03994, arXiv:2202.01181, arXiv:2007.02617, arXiv:1904.12843). Give each
method the same budget with `searcher=random`, which deals trials evenly; TPE spends more on those
that do well.
"""

from ray import tune

from search_spaces.tables import fastat_table

RECIPE = fastat_table.RECIPE
EPOCHS = fastat_table.EPOCHS

Layer = dict[str, dict[str, object]]
METHODS: dict[str, Layer] = {
    "fgsm": {
        "method": {"name": "fgsm"},
        "attack": {"name": "fgsm", "reach": tune.uniform(0.5, 1)},
    },
    "fgsm_rs": {
        "method": {"name": "fgsm_rs"},
        "attack": {"name": "fgsm_rs", "reach": tune.uniform(0.5, 1.5)},
    },
    "n_fgsm": {
        "method": {"name": "n_fgsm"},
        "attack": {"name": "n_fgsm", "noise": tune.uniform(1, 4)},
    },
    "grad_align": {
        "method": {"name": "grad_align", "weight": tune.loguniform(0.05, 0.8)},
        "attack": {"name": "fgsm"},
    },
    "fgsm_cure": {
        "method": {"name": "fgsm_cure", "weight": tune.loguniform(0.015, 0.24)},
        "attack": {"name": "fgsm"},
    },
}
"""Methods that train on single-step attacks, with the knobs of each."""
BATCH_STATISTICS: dict[str, object] = {"name": "alternate", "mode": "train"}
"""BatchNorm during attacks, as in the published code."""


def space() -> Layer:
    """Return what all share, and the two knobs that all search."""
    return {
        **fastat_table.SETTINGS,
        "criterion": {"name": "cross_entropy", "smoothing": tune.uniform(0, 0.6)},
        "optimizer": {"name": "sgd", "lr": 0.1, "weight_decay": tune.loguniform(1e-4, 2e-3)},
        "average": {"name": "ema", "decay": 0.9995},
    }


def variants() -> dict[str, Layer]:
    """Return the methods, with the knobs that each searches."""
    with_attack = {name: layer | {"update": BATCH_STATISTICS} for name, layer in METHODS.items()}
    free = {"name": "free", "replays": tune.randint(2, 9)}
    return with_attack | {"free": {"method": {"name": "pgd_at"}, "update": free}}
