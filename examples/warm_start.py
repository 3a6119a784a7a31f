"""Start a search with the trials of an older one: `uv run python examples/warm_start.py`.

It takes half a minute on two cores. Trials of the older study are transferred if they could have
been trials of the new one: the same fixed values, searched values inside the ranges, the same
number of epochs.
"""

from tuner import Result, Study

SMALL_BUDGET = {
    **{"threat.eps": 0.1, "attack.steps": 3, "eps_schedule.warmup": 0},
    **{"data.limit": 400, "data.validation": 100, "exam.steps": 3, "epochs": 2},
}


def search(name: str, trials: int, **further: object) -> Result:
    """Run a study without early stopping; return its results."""
    keys = {"scheduler": "none", "name": name, "trials": trials, **SMALL_BUDGET, **further}
    return Study(space="weight_decay", resume="auto", knobs=keys).run()


def main() -> None:
    """Run a search, and a second one with a narrower range that uses its trials."""
    older = search("older", 2)
    narrow = {"optimizer.weight_decay": "loguniform(1e-4,1e-2)"}
    print(search("newer", 1, warm_start=older.folder, **narrow))


if __name__ == "__main__":
    main()
