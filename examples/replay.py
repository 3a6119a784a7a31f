"""Try a scheduler on recorded runs: `uv run python examples/replay.py [CURVES]`.

CURVES is a table of training logs, such as the one that Rice et al. (arXiv:2002.11569) published,
or a results folder. Without it, the script records a few complete runs first, half a minute on two
cores. The replay itself takes seconds: it simulates the scheduler with a hundred orders of the runs
and prints its regret.
"""

import sys

from tuner.search import main

SMALL_BUDGET = [
    *("threat.eps=0.1", "attack.steps=3", "eps_schedule.warmup=0"),
    *("data.limit=400", "data.validation=100", "exam.steps=3", "epochs=3", "trials=4"),
]


def record_runs() -> str:
    """Run a search without early stopping; return its results folder."""
    words = ["space=weight_decay", *SMALL_BUDGET, "scheduler=none", "name=recorded", "resume=auto"]
    if status := main(words):
        sys.exit(status)
    return "results/recorded"


if __name__ == "__main__":
    curves = sys.argv[1] if sys.argv[1:] else record_runs()
    rungs = ["fidelity=epochs", "scheduler.rungs=[1/3]"]
    sys.exit(main(["space=weight_decay", f"replay={curves}", *rungs]))
