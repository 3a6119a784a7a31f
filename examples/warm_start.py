"""Start a search with the trials of an older one: `uv run python examples/warm_start.py`.

It takes half a minute on two cores. Trials of the older study are transferred if they could have
been trials of the new one: the same fixed values, searched values inside the ranges, the same
number of epochs.
"""

import sys

from tuner.search import main

SMALL_BUDGET = [
    *("threat.eps=0.1", "attack.steps=3", "eps_schedule.warmup=0"),
    *("data.limit=400", "data.validation=100", "exam.steps=3", "epochs=2", "scheduler=none"),
]
COMMON_ARGUMENTS = ["space=weight_decay", *SMALL_BUDGET, "resume=auto"]


def run_both() -> int:
    """Run a search, and a second one with a narrower range that uses its trials."""
    narrow = "optimizer.weight_decay=loguniform(1e-4,1e-2)"
    return main([*COMMON_ARGUMENTS, "trials=2", "name=older"]) or main([
        *(*COMMON_ARGUMENTS, "trials=1", "name=newer"),
        *(narrow, "warm_start=results/older"),
    ])


if __name__ == "__main__":
    sys.exit(run_both())
