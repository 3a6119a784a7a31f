"""Recipes of FastAT_Benchmark (arXiv:2604.22853), which trains single-step methods alike.

Its CIFAR-10 settings, commit b99c0de: ResNet-18 without normalisation, 100 epochs, batches of 128,
SGD with a cosine one-cycle learning rate, label smoothing and a slow moving average.

Three details differ. Its learning rate changes once an epoch, and its momentum cycles between 0.85
and 0.95; here it is 0.9. Its attacks with FGSM, FGSM-RS, N-FGSM, ZeroGrad and SSAT maximise the
smoothed loss; here that without smoothing, as their authors do. Its average is validated beside the
network and the better one is kept; here the average alone is.
"""

SMOOTHING = 0.36
"""torch's label smoothing of 0.4 takes nine tenths of it from the label."""


def build_fastat_recipe(
    method: dict[str, object],
    attack: dict[str, object],
    update: dict[str, object],
    *,
    criterion: dict[str, object] | None = None,
    average: dict[str, object] | None = None,
) -> dict[str, dict[str, object]]:
    """Return the settings that all of its methods share, with those of one method.

    Args:
        method: Settings of the method.
        attack: Settings of its attack.
        update: Settings of its update.
        criterion: Settings of the loss; `None`: the shared ones.
        average: Settings of the average; `None`: the shared ones.
    """
    return {
        "threat": {"name": "linf", "eps": 8 / 255},
        "data": {
            "name": "cifar10",
            "validation": 1000,
            "batch_size": 128,
            "crop": 4,
            "padding": "zero",
            "flip": True,
        },
        "model": {"name": "resnet18", "normalize": False},
        "method": method,
        "criterion": criterion or {"name": "cross_entropy", "smoothing": SMOOTHING},
        "attack": attack,
        "update": update,
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 5e-4},
        "schedule": {"name": "one_cycle", "peak": 0.3, "first": 1 / 25, "shape": "cosine"},
        "eps_schedule": {"name": "constant"},
        "average": average or {"name": "ema", "decay": 0.9995, "warmup": False, "max_share": 0.0},
    }
