"""Every scheduler on recorded runs: `uv run python -m benchmarks.schedulers SET CURVES`.

SET and CURVES are "rice" and the logs of "Overfitting in adversarially robust deep learning"
(arXiv:2002.11569), "fastat" and those of FastAT_Benchmark (arXiv:2604.22853), or "digits" and
those of `benchmarks.digits_curves`. Each scheduler meets the runs of each set with its defaults in
100 orders, one trial at a time, beside random search and "one epoch for all, then the best".
"""

import json
import platform
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

import numpy as np
import optuna
from ray import tune

from benchmarks.recorded_sets import RecordedSet, load_sets
from benchmarks.scheduler_regret import (
    EMPTY_VARIANTS,
    RegretSummary,
    Sampler,
    describe_curve,
    measure,
    one_epoch_then_best,
    random_sampler,
    replay,
    sample_random_search,
)
from tuner.config.plan import Variant
from tuner.config.settings import Fidelity, count_cores
from tuner.replay.recordings import Archive
from tuner.replay.simulate import Replay, ReplayPoint
from tuner.schedulers import asha, halving, hyperband, median, none
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Scheduler

ORDERS, CHANCE_ORDERS = 100, 5000
SPLITS = 20
"""Halves of the runs on which the defaults are measured too: 2 of each split."""
MAX_TRIALS = 1000
"""More than any study has, so that no two samplers have the same seed."""
WORKERS, CLUSTER_TRIALS = 100, 400
SCHEDULERS: dict[str, Callable[..., Scheduler]] = {
    "asha": asha.build,
    "asha, variant=stopping": partial(asha.build, variant="stopping"),
    "halving": halving.build,
    "hyperband": hyperband.build,
    "median": median.build,
    "former asha": partial(asha.build, variant="stopping", grace=0.5, reduction_factor=3),
    "former halving": partial(halving.build, rungs=(0.25,)),
    "former hyperband": partial(hyperband.build, grace=0.1),
    "former median": partial(median.build, grace=0.25),
}
HALVED = ("asha", "halving")
"""Schedulers that are measured on halves of the runs and on a cluster as well."""
EPOCHS_ONLY = {"hyperband", "median", "former asha", "former hyperband", "former median"}
"""Schedulers whose default is fidelity=epochs."""
SAMPLERS: dict[str, Sampler] = {
    "tpe": lambda number: optuna.samplers.TPESampler(seed=number, n_startup_trials=5),
    "gp": lambda number: optuna.samplers.GPSampler(seed=number),
    "qmc": lambda number: optuna.samplers.QMCSampler(seed=number),
}
Study = Callable[[int], Iterable[ReplayPoint]]


def build(recorded: RecordedSet, name: str) -> tuple[Archive, Callable[[], Scheduler]]:
    """Return the runs that a scheduler asks for, and what builds it."""
    levels = recorded.archive.levels
    fidelity: Fidelity = "epochs" if name in EPOCHS_ONLY else recorded.fidelity
    plan = FidelityPlan(
        epochs=levels[-1].epochs,
        trials=len(recorded.archive.runs),
        fidelity=fidelity,
        lr_drops=recorded.archive.lr_drops,
    )
    make = partial(SCHEDULERS[name], fidelity_plan=plan)
    lengths = [level.epochs for level in make().levels]
    return recorded.restricted(lengths).archive, make


def replay_order(
    archive: Archive,
    make: Callable[[], Scheduler],
    order: int,
    *,
    variants: Sequence[Variant] = EMPTY_VARIANTS,
    sampler: Sampler = random_sampler,
) -> Iterator[ReplayPoint]:
    """Yield the states of a study with a new scheduler, and different seeds of its samplers."""
    return replay(
        archive,
        make(),
        order,
        variants=variants,
        sampler=lambda number: sampler(MAX_TRIALS * order + number),
    )


def list_studies(recorded: RecordedSet) -> Iterator[tuple[str, Archive, Study]]:
    """Yield the contenders: name, runs and the replayed study of an order."""
    complete = recorded.restricted([recorded.archive.levels[-1].epochs]).archive
    yield "one epoch for all, then the best", complete, partial(one_epoch_then_best, complete)
    for name in SCHEDULERS:
        archive, make = build(recorded, name)
        yield name, archive, partial(replay_order, archive, make)
    if recorded.knobs:
        variants = (describe_knobs(recorded),)
        for name, sampler in SAMPLERS.items():
            for scheduler in ("none", "asha"):
                archive, make = (
                    build(recorded, scheduler)
                    if scheduler != "none"
                    else (complete, partial(none.build, fidelity_plan=whole_runs(complete)))
                )
                study = partial(replay_order, archive, make, variants=variants, sampler=sampler)
                yield f"{scheduler}, searcher={name}", archive, study


def whole_runs(archive: Archive) -> FidelityPlan:
    """Return the plan of a study that stops nothing."""
    return FidelityPlan(epochs=archive.levels[-1].epochs, trials=len(archive.runs))


def describe_knobs(recorded: RecordedSet) -> Variant:
    """Return the ranges of the knobs of recorded runs, on a logarithmic scale where positive."""
    values = {
        knob: [float(run.knobs[knob]) for run in recorded.archive.runs] for knob in recorded.knobs
    }
    domains = {
        knob: tune.loguniform(min(v), max(v)) if min(v) > 0 else tune.uniform(min(v), max(v))
        for knob, v in values.items()
    }
    groups = {knob.partition(".")[0]: dict[str, object]() for knob in recorded.knobs}
    return Variant(label="", fixed=groups, searched=domains)


def measure_set(recorded: RecordedSet, orders: int) -> dict[str, object]:
    """Return the results of all contenders on a set."""
    complete = recorded.restricted([recorded.archive.levels[-1].epochs]).archive
    chance = sample_random_search(complete, CHANCE_ORDERS)
    found: dict[str, RegretSummary] = {}
    for name, archive, study in list_studies(recorded):
        found[name] = measure(archive, study, chance, orders)
        print(recorded.name, "|", name, summarize(found[name]), flush=True)
    return {
        "runs": len(recorded.archive.runs),
        "random": describe_curve(chance),
        "contenders": found,
    }


def measure_halves(recorded: RecordedSet, name: str) -> dict[str, float]:
    """Return how the default of a scheduler does on random halves of the runs."""
    rows = []
    for split in range(SPLITS):
        runs = random.Random(split).sample(recorded.archive.runs, len(recorded.archive.runs))
        for part in (runs[::2], runs[1::2]):
            half = replace(recorded, archive=replace(recorded.archive, runs=tuple(part)))
            archive, make = build(half, name)
            result = measure(
                archive,
                partial(replay_order, archive, make),
                sample_random_search(archive, 200),
                10,
            )
            rows.append((result["regret"]["median"], result["random_at_that_cost"]["median"]))
    ours, chance = np.array(rows).T
    return {
        "halves": len(rows),
        "mean_regret": round(float(ours.mean()), 3),
        "mean_random": round(float(chance.mean()), 3),
        "share_more_than_0.1_above_random": round(float((ours > chance + 0.1).mean()), 3),
    }


def measure_idle_share(recorded: RecordedSet, name: str) -> dict[str, float]:
    """Return the share of worker time that a large cluster idles, until the last trial starts."""
    runs = random.Random(0).choices(recorded.archive.runs, k=CLUSTER_TRIALS)
    runs = [replace(run, name=str(number)) for number, run in enumerate(runs)]
    many = replace(recorded, archive=replace(recorded.archive, runs=tuple(runs)))
    archive, make = build(many, name)
    study = Replay(
        archive,
        EMPTY_VARIANTS,
        random_sampler,
        make(),
        CLUSTER_TRIALS,
        is_grid=False,
        order=0,
    )
    busy = 0
    for point in study.simulate(WORKERS):
        if study.queue.n_configurations < CLUSTER_TRIALS:
            busy, until = point.cost, point.time
    return {
        "idle_until_the_last_trial_starts": round(1 - busy / (WORKERS * until), 3),
        "idle": round(1 - point.cost / (WORKERS * point.time), 3),
    }


def summarize(found: RegretSummary) -> str:
    """Return a result without its curve."""
    return json.dumps({key: value for key, value in found.items() if key != "curve"})


def main(name: str, path: str) -> None:
    """Measure, print and keep the numbers of a set."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    hardware = f"{count_cores()}-core-{platform.machine()}"
    kept: dict[str, object] = {
        "command": f"python -m benchmarks.schedulers {name} {Path(path).name}",
        "date": str(date.today()),
        "hardware": hardware,
        "orders": f"seeds 0 to {ORDERS - 1}; random search 0 to {CHANCE_ORDERS - 1}",
    }
    for recorded in load_sets(name, Path(path)):
        kept[recorded.name] = {
            **measure_set(recorded, ORDERS),
            "random_halves": {each: measure_halves(recorded, each) for each in HALVED},
            f"{WORKERS}_workers_{CLUSTER_TRIALS}_trials": {
                each: measure_idle_share(recorded, each) for each in HALVED
            },
        }
    file = Path(__file__).parent / f"schedulers_{name}_{hardware}_{date.today()}.json"
    file.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
