"""Single-step methods on CIFAR-10: the table of FastAT_Benchmark (arXiv:2604.22853).

A ResNet-18, trained for 100 epochs with one cycle, batches of 128 and the smoothing of each row,
which the benchmark spreads over all ten classes; the weights of all but one row are averaged with a
constant decay. There the attacks maximise the smoothed loss, here the plain one, the learning rate
moves once an epoch, and momentum cycles between 0.85 and 0.95; here it is 0.9. The rows of methods
that are not here are left out; `python -m analysis.tables paper=fastat` has all numbers. Costs are
of the authors' machine.
"""

from search_spaces.tables._published import Layer, PublishedRow, build_space, list_rows

__all__ = ["EPOCHS", "RECIPE", "SCHEDULER", "SETTINGS", "published", "space", "variants"]

RECIPE = "cifar10"
SCHEDULER = "none"
EPOCHS = 100
CLASSES = 10
SETTINGS: Layer = {
    "data": {"padding": "zero"},
    "model": {"name": "resnet18", "normalize": "none"},
    "optimizer": {"name": "sgd", "lr": 0.1, "weight_decay": 5e-4},
    "schedule": {"name": "one_cycle", "peak": 0.3, "first": 1 / 25, "shape": "cosine"},
}
"""What all methods share."""
BATCH_STATISTICS: dict[str, object] = {"name": "alternate", "mode": "train"}
AVERAGE: dict[str, object] = {"name": "ema", "decay": 0.9995, "warmup": False, "max_share": 0.0}
METHODS: dict[str, Layer] = {
    "fgsm_at": {"method": {"name": "fgsm"}, "attack": {"name": "fgsm"}},
    "fgsm_rs": {"method": {"name": "fgsm_rs"}, "attack": {"name": "fgsm_rs", "reach": 1.25}},
    "n_fgsm": {"method": {"name": "n_fgsm"}, "attack": {"name": "n_fgsm", "noise": 2.0}},
    "grad_align": {"method": {"name": "grad_align", "weight": 0.2}, "attack": {"name": "fgsm"}},
    "free_at": {
        "method": {"name": "pgd_at"},
        "update": {"name": "free", "replays": 4, "at_range": "project"},
    },
    "pgd_at": {"method": {"name": "pgd_at"}, "update": {"name": "alternate", "mode": "eval"}},
    "pgd_at_wa": {"method": {"name": "pgd_at"}, "update": {"name": "alternate", "mode": "eval"}},
}
"""Methods here, by their names in the benchmark."""


def build_layer(row: PublishedRow) -> Layer:
    """Return the configuration of a row."""
    smoothing = float(row.setting["label_smoothing"]) * (CLASSES - 1) / CLASSES
    averaged = row.setting["weight_average"] == "true"
    return (
        SETTINGS
        | {
            "criterion": {"name": "cross_entropy", "smoothing": round(smoothing, 6)},
            "update": BATCH_STATISTICS,
            "average": AVERAGE if averaged else {"name": "none"},
        }
        | METHODS[row.method]
    )


space, variants, published = build_space(
    [row for row in list_rows("fastat", "CIFAR-10") if row.method in METHODS], build_layer
)
