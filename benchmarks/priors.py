"""PriorBand with good and wrong priors, TPE and random search: `python -m benchmarks.priors`.

Two problems, on each of which every searcher has the same budget and the same seeds.

Figure 1 of Bag of Tricks (arXiv:2010.00467): weight decay of WRN-34-10, replayed on a table of 40
runs over the range of `space=weight_decay`. The paper prints three of its accuracies (PGD-10, 1e-4,
2e-4 and 5e-4). Those between, and below, are interpolated by the logarithm of weight decay; those
above 5e-4, the best one in print, are mirrored, which is an assumption.

A bowl of five knobs: two logarithmic ranges, a linear one, integers and listed values. Its optimum
is drawn anew for each seed. A good prior is off by 0.1 of the ranges (standard deviation), a wrong
one lies half a range away from the optimum and is as narrow as the good one.
"""

import argparse
import json
import math
import platform
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import fmean, median, stdev
from typing import Any

import numpy as np
import optuna

from trainables.training.fidelity import Level
from trainables.training.report import Report
from tuner.config.compose import compose_plan
from tuner.config.plan import Plan
from tuner.config.settings import count_cores
from tuner.replay.recordings import Archive, Recording
from tuner.replay.simulate import Replay
from tuner.schedulers import none
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.search import parse_search_arguments
from tuner.searchers.core.factory import build_sampler_factory
from tuner.searchers.core.optuna_searcher import OptunaSearcher

PUBLISHED = {1e-4: 49.45, 2e-4: 52.08, 5e-4: 56.60}
"""Weight decay to PGD-10 accuracy in percent of WRN-34-10: Tables 7 and 8, and section 3.2."""
STEP = 0.075
"""Distance of two weight decays of the table in decades."""
FIGURE_TRIALS = (1, 2, 4, 6, 10, 20)
"""Of 40; 6 are 15 %."""
BOWL_TRIALS_SHOWN, BOWL_TRIALS = (1, 5, 10, 20, 40), 40
SPREAD = 0.1
"""Standard deviation of a prior around its centre, and of its centre, as a share of the range."""
FIGURE = ("space=weight_decay", "data=cifar10", "model=wrn_34_10")
DECAY = "loguniform(1e-5,1e-2)"
FIGURE_CONTENDERS = {
    "random": ["searcher=random"],
    "tpe": ["searcher=tpe"],
    "priorband, recipes": ["searcher=priorband"],
    "priorband, prior off by a factor of 2": [
        "searcher=priorband", f"optimizer.weight_decay=prior(1e-3,2,{DECAY})",
    ],
    "priorband, wrong prior": [
        "searcher=priorband", f"optimizer.weight_decay=prior(2e-5,2,{DECAY})",
    ],
}  # fmt: skip
"""Arguments of each contender on Figure 1."""
BOWL_DEPTH = 10.0
"""Points of accuracy that a setting loses if each knob is off by its range."""
CHOICES = ("relu", "gelu", "softplus")
BOWL = {
    "optimizer.weight_decay": "loguniform(1e-5,1e-2)",
    "optimizer.lr": "loguniform(1e-3,1)",
    "criterion.smoothing": "uniform(0,0.4)",
    "attack.steps": "randint(2,11)",
    "model.activation": "choice(relu,gelu,softplus)",
}
"""Knobs of the bowl; its centre has the positions of the first four in this order."""


@dataclass(frozen=True)
class Optimum:
    """The optimum of a bowl, and what is lost away from it.

    Attributes:
        position: Position in each range, from 0 to 1: two logarithmic, a linear and an integer one.
        choice: Index of the best listed value.
    """

    position: tuple[float, ...]
    choice: int

    def regret(self, config: Mapping[str, Any]) -> float:
        """Return the regret of a configuration in points."""
        optimizer = config["optimizer"]
        point = (
            np.log10(float(optimizer["weight_decay"]) / 1e-5) / 3,
            np.log10(float(optimizer["lr"]) / 1e-3) / 3,
            float(config["criterion"]["smoothing"]) / 0.4,
            (float(config["attack"]["steps"]) - 2) / 8,
        )
        squares = [(one - best) ** 2 for one, best in zip(point, self.position, strict=True)]
        is_other = config["model"]["activation"] != CHOICES[self.choice]
        return float(BOWL_DEPTH * (sum(squares) + 0.1 * is_other))


def build_plan(words: Sequence[str], seed: int) -> Plan:
    """Return the plan of a study."""
    return compose_plan(*parse_search_arguments([*words, f"seed={seed}", "scheduler=none"]))


def measure_figure(words: Sequence[str], seed: int) -> list[float]:
    """Return the regret in points after each trial on Figure 1."""
    archive = Archive(tuple(map(record_run, list_decays())), (Level(1),))
    plan = build_plan([*FIGURE, *words], seed)
    n_trials = FIGURE_TRIALS[-1]
    scheduler = none.build(fidelity_plan=FidelityPlan(epochs=1, trials=n_trials))
    sampler = build_sampler_factory(plan)
    replay = Replay(archive, plan.variants, sampler, scheduler, n_trials, is_grid=False, order=seed)
    top = max(run.best_accuracy for run in archive.runs)
    return [100 * (top - point.best_accuracy) for point in replay.simulate(1)]


def list_decays() -> list[float]:
    """Return the weight decays of the table: 40 between 1e-5 and 1e-2, 5e-4 among them."""
    best = math.log10(max(PUBLISHED, key=PUBLISHED.__getitem__))
    first, last = math.ceil((-5 - best) / STEP), math.floor((-2 - best) / STEP)
    return [10 ** (best + STEP * index) for index in range(first, last + 1)]


def record_run(decay: float) -> Recording:
    """Return a run of one epoch with the accuracy of a weight decay."""
    accuracy = interpolate_accuracy(decay) / 100
    return Recording(f"{decay:g}", {"optimizer.weight_decay": decay}, (build_report(accuracy),))


def build_report(accuracy: float) -> Report:
    """Return the report of a run of one epoch."""
    return Report(
        epoch=1,
        train_loss=0.0,
        val_clean_accuracy=0.9,
        val_robust_accuracy=accuracy,
        lr=0.0,
        eps=0.0,
        gradient_passes=1.0,
        seconds=1.0,
        exam_seconds=0.0,
    )


def interpolate_accuracy(decay: float) -> float:
    """Return the accuracy in percent: interpolated, extrapolated below, mirrored above the best."""
    known = sorted((math.log10(each), accuracy) for each, accuracy in PUBLISHED.items())
    best = max(known, key=lambda pair: pair[1])[0]
    position = best - abs(math.log10(decay) - best)
    (x1, y1), (x2, y2) = known[:2] if position < known[1][0] else known[1:]
    return y1 + (y2 - y1) * (position - x1) / (x2 - x1)


def measure_bowl(prior: str, searcher: str, seed: int) -> list[float]:
    """Return the regret in points after each trial in a bowl.

    Args:
        prior: "good", "wrong" or "none".
        searcher: Name of the searcher.
        seed: Of the bowl, the prior and the searcher.
    """
    rng = np.random.default_rng(seed)
    optimum = Optimum(tuple(rng.uniform(0, 1, 4).tolist()), int(rng.integers(len(CHOICES))))
    near = np.clip(np.array(optimum.position) + rng.normal(0, SPREAD, 4), 0.001, 0.999)
    far = (np.array(optimum.position) + 0.5) % 1
    centre = far if prior == "wrong" else near
    choice = (optimum.choice + (prior == "wrong")) % len(CHOICES)
    words = list(describe_bowl(None if prior == "none" else centre.tolist(), choice))
    plan = build_plan([f"searcher={searcher}", "data=mnist5k", *words], seed)
    sampler = build_sampler_factory(plan)
    search = OptunaSearcher(plan.variants, sampler, listed=False, levels=(Level(1),))
    regrets: list[float] = []
    for number in range(BOWL_TRIALS):
        regret = optimum.regret(search.suggest(str(number)))
        report = build_report(0.6 - regret / 100)
        search.on_trial_complete(str(number), asdict(report))
        regrets.append(min([regret, *regrets[-1:]]))
    return regrets


def describe_bowl(centre: Sequence[float] | None, choice: int) -> Iterator[str]:
    """Yield the arguments that search the five knobs, with a prior around a position or without."""
    for index, (path, domain) in enumerate(BOWL.items()):
        if centre is None:
            yield f"{path}={domain}"
        elif path == "model.activation":
            yield f"{path}=prior({CHOICES[choice]},0.75,{domain})"
        else:
            value, spread = place_prior(path, centre[index])
            yield f"{path}=prior({value:.6g},{spread:.6g},{domain})"


def place_prior(path: str, position: float) -> tuple[float, float]:
    """Return value and spread of a prior at a position from 0 to 1 in the range of a knob."""
    if path == "optimizer.weight_decay":
        return 10 ** (-5 + 3 * position), 10 ** (3 * SPREAD)
    if path == "optimizer.lr":
        return 10 ** (-3 + 3 * position), 10 ** (3 * SPREAD)
    if path == "criterion.smoothing":
        return 0.4 * position, 0.4 * SPREAD
    return round(2 + 8 * position), 8 * SPREAD


def summarize(regrets: list[list[float]], at: Sequence[int]) -> dict[str, dict[str, float]]:
    """Return statistics of the regret after some numbers of trials.

    Args:
        regrets: One list for each seed.
        at: Numbers of trials.
    """
    columns = {number: [each[number - 1] for each in regrets] for number in at}
    return {
        str(number): {
            "n": len(values),
            "median": round(median(values), 3),
            "mean": round(fmean(values), 3),
            "std": round(stdev(values), 3),
        }
        for number, values in columns.items()
    }


def compare(
    contenders: Mapping[str, Callable[[int], list[float]]],
    at: Sequence[int],
    n_seeds: int,
    workers: int,
) -> dict[str, object]:
    """Return the regret of each contender, and the paired difference of its mean to that of TPE.

    Args:
        contenders: From a seed to the regret after each trial.
        at: Numbers of trials at which regret is reported.
        n_seeds: Number of seeds.
        workers: Processes.
    """
    regrets = {}
    with ProcessPoolExecutor(workers) as pool:
        for name, measure in contenders.items():
            regrets[name] = list(pool.map(measure, range(n_seeds)))
            print(name, summarize(regrets[name], at), file=sys.stderr, flush=True)
    result: dict[str, object] = {}
    for name, found in regrets.items():
        rows = summarize(found, at)
        for number, row in zip(at, rows.values(), strict=True):
            pairs = zip(found, regrets["tpe"], strict=True)
            differences = [mine[number - 1] - tpe[number - 1] for mine, tpe in pairs]
            row["minus_tpe"] = round(fmean(differences), 3)
            row["standard_error"] = round(stdev(differences) / math.sqrt(n_seeds), 3)
        result[name] = rows
    return result


def main() -> None:
    """Measure, print and write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    figure = {name: partial(measure_figure, words) for name, words in FIGURE_CONTENDERS.items()}
    bowl = {
        "random": partial(measure_bowl, "none", "random"),
        "tpe": partial(measure_bowl, "none", "tpe"),
        "priorband, good prior": partial(measure_bowl, "good", "priorband"),
        "priorband, wrong prior": partial(measure_bowl, "wrong", "priorband"),
    }
    hardware = f"{count_cores()}-core-{platform.machine()}"
    day = datetime.now(UTC).date().isoformat()
    result = {
        "command": shlex.join(["python", "-m", "benchmarks.priors", *sys.argv[1:]]),
        "date": day,
        "hardware": hardware,
        "seeds": options.seeds,
        "regret": "points of robust accuracy after so many trials",
        "figure 1, 40 runs": compare(figure, FIGURE_TRIALS, options.seeds, options.workers),
        "bowl of five knobs": compare(bowl, BOWL_TRIALS_SHOWN, options.seeds, options.workers),
    }
    text = json.dumps(result, indent=1)
    print(text)
    (options.out / f"priors_{hardware}_{day}.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
