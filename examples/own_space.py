"""SGD or AdamW, each with its own range of learning rates: a conditional space.

A custom space is a file with `space`, and with `variants` if it is conditional:
`space=examples/own_space.py`. `uv run python examples/own_space.py` searches it, in half a minute
on two cores.
"""

from ray import tune

EPOCHS = 10


def space() -> dict[str, dict[str, object]]:
    """Return the knobs that every variant searches."""
    return {"optimizer": {"weight_decay": tune.loguniform(1e-5, 1e-2)}}


def variants() -> dict[str, dict[str, dict[str, object]]]:
    """Return the two optimizers, each with the knobs that it searches."""
    return {
        "SGD": {"optimizer": {"name": "sgd", "lr": tune.loguniform(1e-2, 1)}},
        "AdamW": {"optimizer": {"name": "adamw", "lr": tune.loguniform(1e-4, 1e-2)}},
    }


if __name__ == "__main__":
    from tuner import Study

    small_budget = {
        **{"threat.eps": 0.1, "attack.steps": 3, "eps_schedule.warmup": 0},
        **{"data.limit": 400, "data.validation": 100, "exam.steps": 3, "epochs": 2, "trials": 4},
    }
    Study(space=__file__, knobs=small_budget).run()
