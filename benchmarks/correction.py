"""What correcting short runs is worth: `python -m benchmarks.correction RUNS.json`.

RUNS.json is written by `benchmarks.short_and_long_table`. For each search it reports the rank
correlation with the accuracy on unseen images, after all short runs and K long runs of trials drawn
at random: of the short runs, of the long runs where known and shifted short ones elsewhere, and of
the corrected ones. Then the default schedulers run on the recorded accuracies, with one worker, in
random orders of 18 of the 20 settings, with and without correction.
"""

import json
import platform
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import ModuleType

import numpy as np
from numpy.typing import NDArray
from ray import tune
from scipy.stats import spearmanr

from benchmarks.recorded_sets import UNKNOWN
from trainables.training.report import Report
from tuner.config.settings import count_cores
from tuner.schedulers import asha, halving
from tuner.schedulers.core.knob_features import encode_knobs
from tuner.schedulers.core.long_run_model import LongRunModel, Runs
from tuner.schedulers.core.rungs import Correction, FidelityPlan
from tuner.schedulers.core.scheduler import Scheduler

PAIRS = (3, 5, 8)
N_CHOICES, N_ORDERS = 100, 30
LEFT_OUT = 2
"""Settings that a random order leaves out."""
LENGTH_RATIO = 4
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Search:
    """The settings of a search: accuracies (N,) as fractions.

    Attributes:
        knobs: Positions in their ranges, (N, K).
        short: Of the short runs, on the validation images.
        long: Of the long runs.
        unseen: Of the long runs, on unseen images.
    """

    knobs: NDArray[np.float64]
    short: Vector
    long: Vector
    unseen: Vector


def load_search(trials: list[dict[str, float]], knobs: list[dict[str, float]]) -> Search:
    """Return a search; ranges are those of its settings, logarithmic if they span a decade."""
    domains = {name: find_domain([each[name] for each in knobs]) for name in knobs[0]}
    columns = ([each[part] for each in trials] for part in ("short", "long", "unseen"))
    return Search(
        np.array([encode_knobs(each, domains) for each in knobs]), *map(np.array, columns)
    )


def find_domain(values: list[float]) -> object:
    """Return the domain of a knob with these values."""
    if all(isinstance(value, int) for value in values):
        return tune.choice(sorted(set(values)))
    low, high = min(values), max(values)
    return tune.loguniform(low, high) if low > 0 and high > 4 * low else tune.uniform(low, high)


def main(file: str) -> None:
    """Measure, print and save the numbers."""
    searches = {
        name: load_search(each["trials"], [trial["knobs"] for trial in each["trials"]])
        for name, each in json.loads(Path(file).read_text())["searches"].items()
    }
    measured = {name: measure_search(each) for name, each in searches.items()}
    for name, numbers in measured.items():
        print(name, json.dumps(numbers))
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept = {
        "command": f"python -m benchmarks.correction {Path(file).name}",
        "date": str(date.today()),
        "hardware": hardware,
        "searches": measured,
    }
    path = Path(__file__).parent / f"correction_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(kept, indent=1) + "\n")


def measure_search(search: Search) -> dict[str, object]:
    """Return the numbers of a search."""
    return {
        "spread_of_unseen_in_points": round(100 * float(search.unseen.std()), 2),
        "short": correlate(search.short, search.unseen),
        "long": correlate(search.long, search.unseen),
        **{f"{number}_random_pairs": measure_pairs(search, number) for number in PAIRS},
        **{
            f"{name}, {correction}": measure_scheduler(search, module, correction)
            for name, module in (("asha", asha), ("halving", halving))
            for correction in ("none", "auto")
        },
    }


def correlate(predicted: Vector, unseen: Vector) -> float:
    """Return Spearman's rank correlation."""
    return round(float(spearmanr(predicted, unseen).statistic), 3)


def measure_pairs(search: Search, number: int) -> dict[str, object]:
    """Return rank correlations with some trials run in both lengths, and the cost."""
    found: dict[str, list[float]] = {"uncorrected": [], "corrected": []}
    total = len(search.short)
    for seed in range(N_CHOICES):
        pairs = np.random.default_rng(seed).choice(total, number, replace=False)
        predicted = {"uncorrected": shift(search, pairs), "corrected": correct(search, pairs)}
        for name, values in predicted.items():
            found[name].append(correlate(values, search.unseen))
    return {
        "cost": round(1 / LENGTH_RATIO + number / total, 2),
        **{name: [round(float(f(v)), 3) for f in (np.mean, np.std)] for name, v in found.items()},
    }


def shift(search: Search, pairs: NDArray[np.intp]) -> Vector:
    """Return the long runs where known, elsewhere short runs and the mean gain."""
    values = search.short + np.mean(search.long[pairs] - search.short[pairs])
    values[pairs] = search.long[pairs]
    return values


def correct(search: Search, pairs: NDArray[np.intp]) -> Vector:
    """Return what the long runs are expected to reach."""
    long = np.full(len(search.long), np.nan)
    long[pairs] = search.long[pairs]
    return LongRunModel(Runs(search.knobs, search.short, long)).predict_known().mean


def measure_scheduler(
    search: Search, module: ModuleType, correction: Correction
) -> dict[str, float]:
    """Return cost, regret on unseen images and rank correlation at the end, means over orders."""
    found = []
    for seed in range(N_ORDERS):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(search.short))[LEFT_OUT:]
        done = replay(search, module, correction, order)
        best = done[int(search.long[done].argmax())]
        regret = 100 * (search.unseen[order].max() - search.unseen[best])
        predicted = correct(search, done) if correction == "auto" else shift(search, done)
        cost = 1 / LENGTH_RATIO + len(done) / len(order)
        found.append([cost, regret, correlate(predicted[order], search.unseen[order])])
    names = ("cost", "regret_in_points", "rank_correlation")
    return {name: round(float(v), 3) for name, v in zip(names, np.mean(found, axis=0), strict=True)}


def replay(
    search: Search, module: ModuleType, correction: Correction, order: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the trials that a scheduler runs in full length, in this order."""
    domains = {str(knob): tune.uniform(0, 1) for knob in range(search.knobs.shape[1])}
    scheduler: Scheduler = module.build(
        fidelity_plan=FidelityPlan(epochs=LENGTH_RATIO, trials=len(order), fidelity="schedule"),
        rungs=(1 / LENGTH_RATIO,),
        searched=domains,
        correction=correction,
    )
    waiting, done = list(order), list[int]()
    while True:
        step = scheduler.next_to_resume(is_idle=not waiting)
        if step is not None:
            scheduler.on_resume(step)
            trial = int(step.trial)
        elif waiting:
            trial = int(waiting.pop(0))
            scheduler.on_start(str(trial))
            if report(scheduler, search, trial, 1, 0, search.short[trial]) == "pause":
                continue
        else:
            return np.array(done)
        report(scheduler, search, trial, LENGTH_RATIO, 1, search.long[trial])
        scheduler.on_end(str(trial))
        done.append(trial)


def report(
    scheduler: Scheduler, search: Search, trial: int, epoch: int, level: int, robust: float
) -> str:
    """Report the end of a run to a scheduler; return its decision."""
    knobs: Mapping[str, object] = {str(n): float(v) for n, v in enumerate(search.knobs[trial])}
    end = Report(
        epoch=epoch,
        level=level,
        val_robust_accuracy=float(robust),
        train_loss=UNKNOWN,
        val_clean_accuracy=UNKNOWN,
        lr=UNKNOWN,
        eps=UNKNOWN,
        gradient_passes=UNKNOWN,
        seconds=UNKNOWN,
        exam_seconds=UNKNOWN,
    )
    return scheduler.on_report(str(trial), end, knobs)


if __name__ == "__main__":
    main(*sys.argv[1:])
