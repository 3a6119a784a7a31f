"""Schedulers on recorded runs: `uv run python -m benchmarks.rungs CURVES`.

CURVES is the table of logs of "Overfitting in adversarially robust deep learning"
(arXiv:2002.11569). First every scheduler meets all runs in 100 orders. Then rungs are chosen on one
half of the runs, drawn at random, and tested on the other, which the choice has not seen.
"""

import json
import platform
import random
import sys
from collections.abc import Callable
from datetime import date
from itertools import product
from pathlib import Path
from statistics import mean

import numpy as np
import optuna
from numpy.typing import NDArray
from ray import tune

from tuner.config.plan import Variant
from tuner.config.settings import count_cores
from tuner.replay.recordings import Archive, load_archive
from tuner.replay.simulate import Replay
from tuner.schedulers import asha, halving, hyperband, median, none
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Scheduler

ORDERS = 100
SPLITS = 40
SUBSETS = 6
"""Subsets of the first half, of two thirds of it, on which a choice is judged."""
COST_LIMIT = 0.15
"""Of the full cost."""
EMPTY_VARIANTS = [Variant(label="", fixed={}, searched={"data.crop": tune.randint(0, 4)})]
"""A knob that no run knows, so that runs are met in their order."""
BuildScheduler = Callable[[FidelityPlan], Scheduler]


def main(curves: str) -> None:
    """Measure, print and keep the numbers."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    archive = load_archive(Path(curves))
    kept = {
        "command": f"python -m benchmarks.rungs {Path(curves).name}",
        "date": str(date.today()),
        "hardware": f"{count_cores()}-core-{platform.machine()}",
        "runs": len(archive.runs),
        "all_runs": {
            name: measure_all_runs(archive, build) for name, build in list_contenders().items()
        },
        "chosen_on_one_half": measure_halves(archive),
    }
    print(json.dumps(kept, indent=1))
    name = f"rungs_{kept['hardware']}_{date.today()}.json"
    (Path(__file__).parent / name).write_text(json.dumps(kept, indent=1) + "\n")


def list_contenders() -> dict[str, BuildScheduler]:
    """Return the compared schedulers by name."""
    return {
        "asha, grace 10 epochs": lambda fidelity_plan: asha.build(
            fidelity_plan=fidelity_plan, variant="stopping", grace=0.05, reduction_factor=3
        ),
        "halving, rungs at 5 epochs and behind the drop": build_halving_factory(1 / 40, 0.2),
        "halving, rung at a quarter": lambda fidelity_plan: halving.build(
            fidelity_plan=fidelity_plan, rungs=(0.25,)
        ),
        "hyperband": lambda fidelity_plan: hyperband.build(fidelity_plan=fidelity_plan, grace=0.1),
        "median": lambda fidelity_plan: median.build(fidelity_plan=fidelity_plan, grace=0.25),
    }


def build_halving_factory(first: float, keep: float) -> BuildScheduler:
    """Return halving with an early rung and one after the drop of the learning rate."""
    return lambda fidelity_plan: halving.build(
        fidelity_plan=fidelity_plan, rungs=(first, "drop"), keep=(keep, 0.1)
    )


def measure_replay(
    archive: Archive, build: BuildScheduler | None, order: int, cost_limit: float = 1.0
) -> tuple[float, float]:
    """Return regret in points and cost of one replay; of whole runs up to a cost if no rule.

    Args:
        archive: The runs.
        build: The scheduler.
        order: Of the runs.
        cost_limit: Share of the full cost at which whole runs are cut off.
    """
    number = len(archive.runs)
    fidelity_plan = FidelityPlan(epochs=archive.levels[-1].epochs, trials=number)
    rule = (build or (lambda each: none.build(fidelity_plan=each)))(fidelity_plan)

    def sampler(seed: int) -> optuna.samplers.BaseSampler:
        return optuna.samplers.RandomSampler(seed=seed)

    full = sum(len(each.reports) for each in archive.runs)
    last = None
    replay = Replay(archive, EMPTY_VARIANTS, sampler, rule, number, is_grid=False, order=order)
    for moment in replay.simulate(1):
        if moment.cost > cost_limit * full:
            break
        last = moment
    assert last is not None
    top = max(each.best_accuracy for each in archive.runs)
    return 100 * (top - last.best_accuracy), last.cost / full


def measure_all_runs(archive: Archive, build: BuildScheduler) -> dict[str, object]:
    """Return the result of a scheduler on all runs, and of random search at its median cost."""
    found = np.array([measure_replay(archive, build, order) for order in range(ORDERS)])
    cost = float(np.median(found[:, 1]))
    chance = np.array([measure_replay(archive, None, order, cost)[0] for order in range(ORDERS)])
    return {
        "cost": round(cost, 3),
        "regret": summarize_quantiles(found[:, 0]),
        "random": summarize_quantiles(chance),
    }


def summarize_quantiles(values: NDArray[np.float64]) -> dict[str, float]:
    """Return median, quartiles and the 90 % quantile."""
    shares = {"median": 0.5, "low": 0.25, "high": 0.75, "90 %": 0.9}
    return {name: round(float(np.quantile(values, share)), 3) for name, share in shares.items()}


def measure_halves(archive: Archive) -> dict[str, object]:
    """Return regrets on halves of the runs, of rungs that were chosen on the other halves."""
    rows, chosen = [], []
    for split in range(SPLITS):
        runs = random.Random(split).sample(archive.runs, len(archive.runs))
        first, second = (Archive(tuple(part), archive.levels) for part in (runs[::2], runs[1::2]))
        rungs = choose_rungs(first, split)
        regret, cost = measure_replay(second, build_halving_factory(*rungs), split)
        others = [
            measure_replay(second, list_contenders()["asha, grace 10 epochs"], split),
            measure_replay(second, None, split, cost),
        ]
        rows.append([regret, cost, *(value for other in others for value in other)])
        chosen.append(rungs)
    names = ("halving", "halving_cost", "asha", "asha_cost", "random", "random_cost")
    table = dict(zip(names, np.array(rows).T, strict=True))
    return {
        "splits": SPLITS,
        "regret_and_cost": {name: summarize_quantiles(values) for name, values in table.items()},
        "mean_regret": {
            name: round(mean(table[name]), 3) for name in ("halving", "asha", "random")
        },
        "chosen": [list(rungs) for rungs in chosen],
    }


def choose_rungs(archive: Archive, seed: int) -> tuple[float, float]:
    """Return the first rung and the share kept that have the least regret below the limit."""
    rng = random.Random(seed)
    number = 2 * len(archive.runs) // 3
    parts = [
        Archive(tuple(rng.sample(archive.runs, number)), archive.levels) for _ in range(SUBSETS)
    ]
    judged = []
    for rungs in product((1 / 200, 1 / 40, 1 / 20), (0.1, 0.15, 0.2)):
        found = [measure_replay(part, build_halving_factory(*rungs), seed) for part in parts]
        regret, cost = (mean(each[place] for each in found) for place in (0, 1))
        judged.append((cost > COST_LIMIT, regret, cost, rungs))
    return min(judged)[-1]


if __name__ == "__main__":
    main(*sys.argv[1:])
