"""Search weight decay and analyse the results: `uv run python examples/search_and_analyse.py`.

It takes half a minute on two cores. The budget is too small for conclusions; without SMALL it is
the search of the README. Run again, it resumes the study and finds that all trials have finished.
"""

import sys

from analysis import load
from analysis.early_stopping_savings import estimate_savings
from analysis.report.__main__ import main as report
from analysis.statistics import wilson_interval
from tuner.search import main as search

SMALL_BUDGET = [
    *("threat.eps=0.1", "attack.steps=3", "eps_schedule.warmup=0"),
    *("data.limit=400", "data.validation=100", "exam.steps=3", "epochs=2", "trials=4"),
]
FOLDER = "results/example"


def main() -> int:
    """Search, load the results and write the report; return an exit status."""
    if status := search(["space=weight_decay", *SMALL_BUDGET, "name=example", "resume=auto"]):
        return status
    frames = load(FOLDER)
    best = frames.trials.nlargest(1, "val_robust_accuracy").iloc[0]
    low, high = wilson_interval(best["val_robust_accuracy"], images=100)
    print(
        f"Weight decay {best['optimizer.weight_decay']:.2g}: "
        f"{best['val_robust_accuracy']:.1%} robust accuracy, 95 % interval {low:.1%} to {high:.1%}."
    )
    print(estimate_savings(frames).T)
    return report([FOLDER])


if __name__ == "__main__":
    sys.exit(main())
