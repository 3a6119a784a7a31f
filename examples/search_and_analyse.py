"""Search weight decay and analyse the results: `uv run python examples/search_and_analyse.py`.

It takes half a minute on two cores. The budget is too small for conclusions; without SMALL_BUDGET
it is the search of the README. Run again, it resumes the study and finds that all trials have
finished.
"""

from analysis import load
from analysis.early_stopping_savings import estimate_savings
from analysis.report.__main__ import main as report
from analysis.statistics import wilson_interval
from tuner import Study

SMALL_BUDGET = {
    **{"threat.eps": 0.1, "attack.steps": 3, "eps_schedule.warmup": 0},
    **{"data.limit": 400, "data.validation": 100, "exam.steps": 3, "epochs": 2, "trials": 4},
}


def main() -> None:
    """Search, print the best trial and what early stopping saved, and write the report."""
    study = Study(space="weight_decay", knobs=SMALL_BUDGET, name="example", resume="auto")
    result = study.run()
    best = result.best
    low, high = wilson_interval(best.robust_accuracy, images=100)
    print(f"{best}\n95 % interval of the robust accuracy: {low:.1%} to {high:.1%}")
    print(estimate_savings(load(result.folder)).T)
    report([str(result.folder)])


if __name__ == "__main__":
    main()
