"""What a plan will cost: time, GPU-hours and disk, from timed configurations."""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import fmean

from trainables.trial import Trial
from tuner.draws import configuration, drawn, extremes
from tuner.plan import Plan, Variant, cells
from tuner.probe import Cost, cost, stored
from tuner.spoken import amount

LONGEST = 45.0
"""Seconds after which no further configuration is timed."""
LEAST = 2
"""Checkpoints of a trial that lie on the disk at a time, while one replaces the other."""
KEPT = ("data", "model", "optimizer", "average", "periods")
"""The groups that the size of a checkpoint depends on."""


@dataclass(frozen=True, kw_only=True)
class Spread:
    """A number that differs from trial to trial.

    Attributes:
        mean: Over the trials that the study would draw.
        low: Of the cheapest configuration that was looked at.
        high: Of the dearest.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a trial costs that is not stopped early.

    Attributes:
        seconds: Wall time on this machine.
        passes: Forward passes with gradients, in images.
        disk: Bytes of a checkpoint.
        timed: Configurations that were timed.
        left_out: Variants that there was no time for.
    """

    seconds: Spread
    passes: Spread
    disk: Spread
    timed: int
    left_out: int


@dataclass(frozen=True, kw_only=True)
class Total:
    """What a whole study costs at most, if no trial is stopped early.

    Attributes:
        seconds: Wall time, at most the time budget.
        gpu_hours: Of all trials.
        disk: Bytes of all checkpoints, two of each running trial; at most the disk budget.
    """

    seconds: float
    gpu_hours: float
    disk: float


def total(plan: Plan, whole: Estimate, concurrency: int, gpu: float) -> Total:
    """Return what a study costs at most.

    Args:
        plan: The study.
        whole: What a trial costs that has a GPU to itself.
        concurrency: Trials at a time.
        gpu: Share of a GPU that each takes; those that share one take turns at worst.
    """
    at_a_time = min(concurrency, plan.trials)
    turns = min(at_a_time, 1 / gpu) if 0 < gpu < 1 else 1.0
    seconds = whole.seconds.mean * turns * plan.trials / at_a_time
    spent = min(seconds, plan.settings.time_budget or math.inf)
    disk = plan.trials * whole.disk.mean + at_a_time * whole.disk.high
    return Total(
        seconds=spent,
        gpu_hours=spent * at_a_time * gpu / 3600,
        disk=min(disk, plan.settings.disk_budget or math.inf),
    )


def estimate(
    plan: Plan,
    device: Mapping[str, object],
    measure: Callable[[Mapping[str, object]], Cost] = cost,
    longest: float = LONGEST,
) -> Estimate:
    """Return what trials of a plan cost.

    Each variant is looked at in turn: first at a configuration of each, then at a second.

    Args:
        plan: The study.
        device: What a trial is told of where it computes.
        measure: Returns what a configuration costs.
        longest: Seconds after which no further configuration is timed.

    Raises:
        AbsentError: If the images could still be downloaded.
    """
    end = time.monotonic() + longest
    found: dict[str, list[tuple[bool, Cost]]] = {}
    known: dict[str, Cost] = {}
    for label, config, counts in looked_at(plan):
        if known and time.monotonic() > end:
            break
        if (key := repr(config)) not in known:
            known[key] = measure(probing(plan, config, device))
        found.setdefault(label, []).append((counts, known[key]))
    return summed(plan, found, len(known))


def looked_at(plan: Plan) -> Iterator[tuple[str, dict[str, dict[str, object]], bool]]:
    """Yield label and groups of configurations, and whether each counts in the mean."""

    def each(variant: Variant) -> Iterator[tuple[str, dict[str, dict[str, object]], bool]]:
        for given in drawn(variant, plan.settings.seed):
            yield variant.label, configuration(variant, given), True
        for given in extremes(variant):
            yield variant.label, configuration(variant, given), False

    for turn in itertools.zip_longest(*map(each, plan.variants)):
        yield from (one for one in turn if one is not None)


def probing(
    plan: Plan, config: Mapping[str, object], device: Mapping[str, object]
) -> dict[str, object]:
    """Return what a trial of some groups takes; not compiled, which takes longer than a probe."""
    return {**config, **plan.shared(), "epochs": plan.epochs, "compile": False, **device}


def summed(plan: Plan, found: Mapping[str, Sequence[tuple[bool, Cost]]], timed: int) -> Estimate:
    """Return the estimate from the costs of each variant, by its label."""
    weights = {v.label: weight(plan, v) for v in plan.variants if v.label in found}

    def spread(name: str) -> Spread:
        value = attrgetter(name)
        means = [fmean(value(c) for counts, c in found[label] if counts) for label in weights]
        everything = [value(c) for each in found.values() for _, c in each]
        return Spread(
            mean=fmean(means, list(weights.values())), low=min(everything), high=max(everything)
        )

    return Estimate(
        seconds=spread("seconds"),
        passes=spread("passes"),
        disk=spread("disk"),
        timed=timed,
        left_out=len(plan.variants) - len(found),
    )


def weight(plan: Plan, variant: Variant) -> float:
    """Return how often a variant is tried beside others: a grid has as many trials as cells."""
    return (cells((variant,)) or 1.0) if plan.searcher["name"] == "grid" else 1.0


def cramped(plan: Plan) -> Iterator[str]:
    """Yield the problem of a disk budget that does not hold a single trial."""
    budget = plan.settings.disk_budget
    if budget is None:
        return
    seen = set()
    for variant in plan.variants:
        *_, dearest = extremes(variant)
        config = configuration(variant, dearest)
        if (kind := repr([config[group] for group in KEPT])) in seen:
            continue
        seen.add(kind)
        try:
            needed = LEAST * stored(Trial(probing(plan, config, {"device": "cpu"})))
        except Exception:  # a user's file can fail in any way; its trials will tell
            continue
        if needed > budget:
            yield (
                f"disk_budget: must be at least {amount(needed)}, two checkpoints of a trial of "
                f"this study, got {amount(budget)}."
            )
            return
