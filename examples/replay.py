"""Try a scheduler on recorded runs: `uv run python examples/replay.py [CURVES]`.

CURVES is a table of training logs, such as the one that Rice et al. (arXiv:2002.11569) published,
or a results folder. Without it, the script records a few complete runs first, half a minute on two
cores. The replay itself takes seconds: it simulates the scheduler with a hundred orders of the runs
and prints its regret.
"""

import sys

from tuner import Study

SMALL_BUDGET = {
    **{"threat.eps": 0.1, "attack.steps": 3, "eps_schedule.warmup": 0},
    **{"data.limit": 400, "data.validation": 100, "exam.steps": 3, "epochs": 3, "trials": 4},
}


def record_runs() -> str:
    """Run a search without early stopping; return its results folder."""
    study = Study(
        space="weight_decay",
        knobs=SMALL_BUDGET,
        scheduler="none",
        name="recorded",
        resume="auto",
    )
    return str(study.run().folder)


def main() -> None:
    """Replay a search with a rung after a third of the epochs."""
    curves = sys.argv[1] if sys.argv[1:] else record_runs()
    study = Study(
        space="weight_decay", replay=curves, fidelity="epochs", scheduler={"rungs": [1 / 3]}
    )
    study.run()


if __name__ == "__main__":
    main()
