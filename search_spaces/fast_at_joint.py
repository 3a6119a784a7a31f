"""One-step training: FGSM-RS, N-FGSM, GradAlign, Free, each with its knobs.

Steps around Wong et al.'s 1.25 eps (arXiv:2001.03994), noise around 2 eps (arXiv:2202.01181),
lambda as in `gradalign_lambda` (arXiv:2007.02617), replays as in `free_replays` (arXiv:1904.12843).
"""

from ray import tune


def space() -> dict[str, dict[str, object]]:
    """Return what all search: weight decay, and the peak of the one-cycle schedule."""
    return {
        "optimizer": {"weight_decay": tune.loguniform(1e-5, 1e-2)},
        "schedule": {"name": "one_cycle", "peak": tune.uniform(0.2, 0.6)},
    }


def variants() -> dict[str, dict[str, dict[str, object]]]:
    """Return what else is searched: the method, and the knobs of each."""
    train = {"name": "alternate", "mode": "train"}
    return {
        "fgsm_rs": {
            "attack": {"name": "fgsm_rs", "reach": tune.uniform(0.5, 2)},
            "update": train,
        },
        "n_fgsm": {"attack": {"name": "n_fgsm", "noise": tune.uniform(1, 3)}, "update": train},
        "grad_align": {"method": {"name": "grad_align", "weight": tune.loguniform(0.02, 4)}},
        "free": {"update": {"name": "free", "replays": tune.randint(2, 11)}},
    }
