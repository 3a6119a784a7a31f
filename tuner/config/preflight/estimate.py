"""Estimate time, GPU-hours and disk of a plan from timed configurations."""

import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from statistics import fmean

from trainables.training.trial import Trial
from tuner.cli.format import format_bytes
from tuner.config.plan import Plan, Variant, count_cells
from tuner.config.preflight.image_memory import kept_bytes
from tuner.config.preflight.representative import (
    build_configuration,
    extreme_knob_values,
    sample_knob_values,
)
from tuner.config.preflight.timing import Cost, measure_checkpoint, measure_cost

MAX_PROBE_SECONDS = 45.0
"""Seconds after which no further configuration is timed."""
MIN_CHECKPOINTS = 2
"""Checkpoints of a running trial on disk while a new one replaces the old one."""
CHECKPOINT_GROUPS = (
    "data",
    "model",
    "optimizer",
    "average",
    "teacher",
    "periods",
    "attack",
    "update",
)
"""Groups that determine the size of a checkpoint."""


@dataclass(frozen=True, kw_only=True)
class CostRange:
    """Distribution of a cost over trials.

    Attributes:
        mean: Mean over the trials that the study samples.
        low: Cost of the cheapest measured configuration.
        high: Cost of the most expensive measured configuration.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class TrialEstimate:
    """Estimated cost of a trial that is not stopped early.

    Attributes:
        seconds: Wall time on this machine.
        passes: Forward passes with gradients, in images.
        disk: Bytes of a checkpoint.
        n_timed: Number of timed configurations.
        n_untimed_variants: Number of variants without a timed configuration.
    """

    seconds: CostRange
    passes: CostRange
    disk: CostRange
    n_timed: int
    n_untimed_variants: int


@dataclass(frozen=True, kw_only=True)
class StudyEstimate:
    """Upper estimate of the cost of a study: no trial is stopped early.

    Attributes:
        seconds: Wall time, at most the time budget.
        gpu_hours: GPU-hours of all trials.
        disk: Bytes of all checkpoints, two of each running trial; at most the disk budget.
    """

    seconds: float
    gpu_hours: float
    disk: float


def estimate_study(
    plan: Plan, per_trial: TrialEstimate, concurrency: int, gpu: float
) -> StudyEstimate:
    """Return an upper estimate of the cost of a study.

    Args:
        plan: Plan of the study.
        per_trial: Cost of a trial with exclusive use of a GPU.
        concurrency: Trials at a time.
        gpu: Share of a GPU of each trial; trials that share one are assumed to take turns.
    """
    at_a_time = min(concurrency, plan.trials)
    turns = min(at_a_time, 1 / gpu) if 0 < gpu < 1 else 1.0
    seconds = per_trial.seconds.mean * turns * plan.trials / at_a_time
    spent = min(seconds, plan.settings.time_budget or math.inf)
    disk = plan.trials * per_trial.disk.mean + at_a_time * per_trial.disk.high
    return StudyEstimate(
        seconds=spent,
        gpu_hours=spent * at_a_time * gpu / 3600,
        disk=min(disk, plan.settings.disk_budget or math.inf),
    )


def estimate_trial(
    plan: Plan,
    device: Mapping[str, object],
    measure: Callable[[Mapping[str, object]], Cost] = measure_cost,
    max_seconds: float = MAX_PROBE_SECONDS,
) -> TrialEstimate:
    """Return the estimated cost of a trial of a plan.

    One configuration of each variant is timed, then a second of each, and so on.

    Args:
        plan: Plan of the study.
        device: Device settings of a trial, as `device_config` returns them.
        measure: Returns the cost of a configuration.
        max_seconds: Seconds after which no further configuration is timed.

    Raises:
        MissingDataError: If the images have not been downloaded.
    """
    end = time.monotonic() + max_seconds
    costs: dict[str, list[tuple[bool, Cost]]] = {}
    measured: dict[str, Cost] = {}
    for label, config, counts in iter_probe_configs(plan):
        if measured and time.monotonic() > end:
            break
        if (key := repr(config)) not in measured:
            measured[key] = measure(build_probe_config(plan, config, device))
        costs.setdefault(label, []).append((counts, measured[key]))
    return combine_costs(plan, costs, len(measured))


def iter_probe_configs(plan: Plan) -> Iterator[tuple[str, dict[str, dict[str, object]], bool]]:
    """Yield label and groups of configurations, and whether each counts toward the mean."""

    def each(variant: Variant) -> Iterator[tuple[str, dict[str, dict[str, object]], bool]]:
        for given in sample_knob_values(variant, plan.settings.seed):
            yield variant.label, build_configuration(variant, given), True
        for given in extreme_knob_values(variant):
            yield variant.label, build_configuration(variant, given), False

    for turn in itertools.zip_longest(*map(each, plan.variants)):
        yield from (one for one in turn if one is not None)


def build_probe_config(
    plan: Plan, config: Mapping[str, object], device: Mapping[str, object]
) -> dict[str, object]:
    """Return the configuration of a trial, not compiled, as compilation outlasts a probe."""
    return {**config, **plan.shared_config(), "epochs": plan.epochs, "compile": False, **device}


def combine_costs(
    plan: Plan, costs: Mapping[str, Sequence[tuple[bool, Cost]]], n_timed: int
) -> TrialEstimate:
    """Return the estimate from the costs of each variant, by its label."""
    weights = {v.label: variant_weight(plan, v) for v in plan.variants if v.label in costs}

    def spread(name: str) -> CostRange:
        value = attrgetter(name)
        means = [fmean(value(c) for counts, c in costs[label] if counts) for label in weights]
        everything = [value(c) for each in costs.values() for _, c in each]
        return CostRange(
            mean=fmean(means, list(weights.values())), low=min(everything), high=max(everything)
        )

    return TrialEstimate(
        seconds=spread("seconds"),
        passes=spread("passes"),
        disk=spread("disk"),
        n_timed=n_timed,
        n_untimed_variants=len(plan.variants) - len(costs),
    )


def variant_weight(plan: Plan, variant: Variant) -> float:
    """Return the relative number of trials of a variant: in a grid, its number of cells."""
    return (count_cells((variant,)) or 1.0) if plan.searcher["name"] == "grid" else 1.0


def check_disk_budget(plan: Plan) -> Iterator[str]:
    """Yield the problem of a disk budget below the checkpoints of one trial."""
    budget = plan.settings.disk_budget
    if budget is None:
        return
    seen = set()
    for variant in plan.variants:
        *_, most_expensive = extreme_knob_values(variant)
        config = build_configuration(variant, most_expensive)
        if (kind := repr([config[group] for group in CHECKPOINT_GROUPS])) in seen:
            continue
        seen.add(kind)
        try:
            trial = Trial(build_probe_config(plan, config, {"device": "cpu"}))
            kept = kept_bytes(variant, trial.train_images)
            needed = MIN_CHECKPOINTS * (measure_checkpoint(trial) + kept)
        except Exception:  # a user-supplied file can raise anything; its trials will report it
            continue
        if needed > budget:
            yield (
                f"disk_budget: must be at least {format_bytes(needed)}, two checkpoints of a "
                f"trial of this study, got {format_bytes(budget)}."
            )
            return
