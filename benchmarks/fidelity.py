"""How well short runs rank configurations: `uv run python -m benchmarks.fidelity NAME FOLDER...`.

Each FOLDER is a study in which every setting was run twice, in a quarter of the epochs and in all,
both times with its whole schedule:

    python -m tuner.search ... searcher=random trials=20 epochs=16 fidelity=schedule \
        scheduler=halving 'scheduler.rungs=[1/4]' 'scheduler.keep=[1]'

For each study it reports how well the short runs, and the first quarter and half of the long runs,
rank the results of the long runs; and the regret of halving, beside random search at the same cost.

Where every trial of a study was evaluated (`python -m tuner.evaluate FOLDER suite=pgd_5_1 top=20`),
regrets and correlations are also reported for those accuracies, on which nothing was selected.

`python -m benchmarks.fidelity beside NAME FOLDER OTHER` reports how well runs of the same settings
in another way (averaged weights, a weaker attack) rank the results of the long runs of FOLDER.
"""

import json
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import pandas as pd
import yaml
from numpy.typing import NDArray
from scipy.stats import spearmanr

from tuner.config.settings import count_cores
from tuner.replay.recordings import Recording, load_archive

KEPT_SHARE = 1 / 20
"""Share of the settings that get a long run: 20 short ones and 1 long one cost 6 long ones."""
DRAWS = 2000
Accuracies = NDArray[np.float64]
"""One accuracy per setting."""


def main(name: str, *folders: str) -> None:
    """Measure, print and keep the numbers."""
    studies = [
        measure_study(load_archive(Path(folder)).runs, read_test_accuracies(Path(folder)))
        for folder in folders
    ]
    overall = {
        key: {
            "mean": round(mean(each[key] for each in studies), 3),
            "std": round(stdev(each[key] for each in studies), 3) if len(studies) > 1 else None,
        }
        for key in studies[0]
    }
    for key, value in overall.items():
        print(f"{key}: {value['mean']} ± {value['std']} (n={len(studies)})")
    names = [Path(folder).name for folder in folders]
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept = {
        "command": " ".join(["python -m benchmarks.fidelity", name, *names]),
        "date": str(date.today()),
        "hardware": hardware,
        "searches": [read_command(Path(folder)) for folder in folders],
        "studies": studies,
        "overall": overall,
    }
    path = Path(__file__).parent / f"fidelity_{name}_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def compare_runs(name: str, folder: str, other: str) -> None:
    """Measure, print and save how well other runs rank the results of the long runs of a study."""
    long = {run.name: find_best_accuracy(run, 1) for run in load_archive(Path(folder)).runs}
    runs = [run for run in load_archive(Path(other)).runs if run.name in long]
    ends = [long[run.name] for run in runs]
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept = {
        "command": " ".join([
            "python -m benchmarks.fidelity beside",
            *(name, Path(folder).name, Path(other).name),
        ]),
        "date": str(date.today()),
        "hardware": hardware,
        "searches": [read_command(Path(folder)), read_command(Path(other))],
        "settings": len(runs),
        "rank_correlation_whole_run": compute_rank_correlation(
            [find_best_accuracy(run, 0) for run in runs], ends
        ),
        "rank_correlation_first_quarter": compute_rank_correlation(
            [find_accuracy_at(run, 0.25, 0) for run in runs], ends
        ),
        "rank_correlation_first_half": compute_rank_correlation(
            [find_accuracy_at(run, 0.5, 0) for run in runs], ends
        ),
    }
    print(json.dumps(kept, indent=1))
    path = Path(__file__).parent / f"fidelity_{name}_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def read_command(folder: Path) -> str:
    """Return the command that left a folder, without the paths of the machine."""
    command: str = yaml.safe_load((folder / "search.yaml").read_text())["command"]
    return " ".join(w for w in command.split() if not w.startswith(("results=", "data.path=")))


def read_test_accuracies(folder: Path) -> Mapping[str, float]:
    """Return the robust accuracy of the trials of a study on the test split, by number."""
    file = folder / "evaluation.parquet"
    if not file.is_file():
        return {}
    frame = pd.read_parquet(file).set_index("trial_id")
    return {str(number): float(value) for number, value in frame["robust_accuracy"].items()}


def measure_study(runs: tuple[Recording, ...], tested: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers of one study.

    Args:
        runs: Of its trials.
        tested: The robust accuracy of each on the test split; `None`: it was not evaluated.
    """
    short, long = (np.array([find_best_accuracy(run, level) for run in runs]) for level in (0, 1))
    quarter, half = (
        np.array([find_accuracy_at(run, share) for run in runs]) for share in (0.25, 0.5)
    )
    spent = dict(compute_costs(runs))
    return {
        "settings": float(len(runs)),
        "spread_of_ends_in_points": float(100 * long.std()),
        "rank_correlation_short_whole_run": compute_rank_correlation(short, long),
        "rank_correlation_first_quarter": compute_rank_correlation(quarter, long),
        "rank_correlation_first_half": compute_rank_correlation(half, long),
        "halving_regret_in_points": 100 * float(long.max() - long[select_top(short)].max()),
        "halving_cost": spent["halving"],
        "random_regret_at_a_third_in_points": 100 * compute_random_regret(long, len(runs) // 3),
        "random_regret_at_that_cost_in_points": 100
        * compute_random_regret(long, round(spent["halving"] * len(runs))),
        "halving_regret_keeping_a_quarter_in_points": 100
        * float(long.max() - long[find_winner(short, long, len(runs) // 4)]),
        "random_regret_at_half_in_points": 100 * compute_random_regret(long, len(runs) // 2),
        **(
            measure_on_test(short, long, np.array([tested[run.name] for run in runs]))
            if tested
            else {}
        ),
    }


def measure_on_test(short: Accuracies, long: Accuracies, tested: Accuracies) -> dict[str, float]:
    """Return how choices by the validation split perform on the test split.

    Args:
        short: Of each setting, by its short run.
        long: By its long run.
        tested: On the test split.
    """
    return {
        "on_test_spread_in_points": float(100 * tested.std()),
        "on_test_rank_correlation_short_whole_run": compute_rank_correlation(short, tested),
        "on_test_rank_correlation_long_run": compute_rank_correlation(long, tested),
        "on_test_halving_regret_in_points": 100
        * float(tested.max() - tested[select_top(short)].max()),
        "on_test_random_regret_at_a_third_in_points": 100
        * compute_random_regret(long, len(long) // 3, tested),
        "on_test_halving_regret_keeping_a_quarter_in_points": 100
        * float(tested.max() - tested[find_winner(short, long, len(long) // 4)]),
        "on_test_random_regret_at_half_in_points": 100
        * compute_random_regret(long, len(long) // 2, tested),
        "on_test_regret_of_all_run_to_the_end_in_points": 100
        * float(tested.max() - tested[long.argmax()]),
    }


def find_best_accuracy(run: Recording, level: int) -> float:
    """Return the highest robust accuracy of one of a trial's whole runs."""
    return max(each.val_robust_accuracy for each in run.reports if each.level == level)


def find_accuracy_at(run: Recording, share: float, level: int = 1) -> float:
    """Return the robust accuracy when a share of the long run is over."""
    long = [each for each in run.reports if each.level == level]
    return long[round(share * len(long)) - 1].val_robust_accuracy


def compute_rank_correlation(
    early: Sequence[float] | Accuracies, final: Sequence[float] | Accuracies
) -> float:
    """Return Spearman's rank correlation."""
    return round(float(spearmanr(early, final).statistic), 3)


def find_winner(short: Accuracies, long: Accuracies, number: int) -> int:
    """Return the best long run among the `number` settings with the best short runs."""
    some = np.argsort(-short)[:number]
    return int(some[long[some].argmax()])


def select_top(values: Accuracies) -> NDArray[np.intp]:
    """Return which settings get a long run."""
    return np.argsort(-values)[: max(1, round(KEPT_SHARE * len(values)))]


def compute_costs(runs: tuple[Recording, ...]) -> Iterator[tuple[str, float]]:
    """Yield the cost of halving, as a share of long runs of all settings."""
    lengths: Mapping[int, int] = {
        level: sum(each.level == level for each in runs[0].reports) for level in (0, 1)
    }
    long = len(select_top(np.zeros(len(runs))))
    yield "halving", (len(runs) * lengths[0] + long * lengths[1]) / (len(runs) * lengths[1])


def compute_random_regret(long: Accuracies, number: int, worth: Accuracies | None = None) -> float:
    """Return the mean regret of random search with `number` settings, run to the end.

    Args:
        long: What the best of them is chosen by.
        number: How many.
        worth: What it is worth; `None`: the accuracy it was selected by.
    """
    worth = long if worth is None else worth
    rng = np.random.default_rng(0)
    drawn = (rng.choice(len(long), number, replace=False) for _ in range(DRAWS))
    return float(worth.max() - np.mean([worth[some[long[some].argmax()]] for some in drawn]))


if __name__ == "__main__":
    if sys.argv[1] == "beside":
        compare_runs(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
