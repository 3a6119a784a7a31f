"""SGD or AdamW, each with a learning rate of its own: a conditional space.

A space of one's own is a file with `space`, and `variants` where it is conditional:
`space=examples/own_space.py`. `uv run python examples/own_space.py` searches it, in half a minute
on two cores.
"""

import sys

from ray import tune

from tuner.search import main

SMALL = [
    *("threat.eps=0.1", "attack.steps=3", "eps_schedule.warmup=0"),
    *("data.limit=400", "data.validation=100", "exam.steps=3", "epochs=2", "trials=4"),
]
EPOCHS = 10


def space() -> dict[str, dict[str, object]]:
    """Return what is searched in every variant."""
    return {"optimizer": {"weight_decay": tune.loguniform(1e-5, 1e-2)}}


def variants() -> dict[str, dict[str, dict[str, object]]]:
    """Return the two optimizers with what is searched of each."""
    return {
        "SGD": {"optimizer": {"name": "sgd", "lr": tune.loguniform(1e-2, 1)}},
        "AdamW": {"optimizer": {"name": "adamw", "lr": tune.loguniform(1e-4, 1e-2)}},
    }


if __name__ == "__main__":
    sys.exit(main([f"space={__file__}", *SMALL]))
