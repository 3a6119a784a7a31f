"""Replay of a study on recorded runs: what it would have found, and at what cost.

Searcher, scheduler and trial queue are those of a real study; training is replaced by the reports
of recorded runs.
"""

import heapq
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, SupportsFloat

import optuna
from ray.tune.search.sample import LogUniform

from trainables.errors import InputError
from trainables.training.report import Report
from tuner.config.domains import as_range, base_sampler, list_values
from tuner.config.plan import Variant
from tuner.replay.recordings import Archive, Recording
from tuner.runtime.resume.state import ResumeState
from tuner.runtime.trial_queue import TrialQueue
from tuner.schedulers.core.scheduler import Scheduler
from tuner.searchers.core.optuna_searcher import OptunaSearcher
from tuner.state.trial import Record


@dataclass(frozen=True)
class ReplayPoint:
    """State of a replayed study at the end of an epoch.

    Attributes:
        time: Simulated time since the start, in epochs.
        cost: Epochs trained, over all workers.
        best_accuracy: Highest robust accuracy so far, as a fraction.
    """

    time: int
    cost: int
    best_accuracy: float


class Replay:
    """A replay of a study with one random order of the recorded runs.

    Attributes:
        queue: Trial queue of the study.
        unused_runs: Runs not yet assigned to a trial, in random order.
    """

    def __init__(
        self,
        archive: Archive,
        variants: Sequence[Variant],
        sampler: Callable[[int], optuna.samplers.BaseSampler],
        scheduler: Scheduler,
        n_trials: int,
        *,
        is_grid: bool,
        order: int,
    ) -> None:
        """Create a replay.

        Args:
            archive: The recorded runs.
            variants: Variants of the search space.
            sampler: From the number of a trial to its sampler.
            scheduler: Scheduler of the study.
            n_trials: Number of trials.
            is_grid: Whether the searcher is grid search.
            order: Seed of the order of the runs.
        """
        study = OptunaSearcher(variants, sampler, listed=is_grid, levels=scheduler.levels)
        self.queue = TrialQueue(
            study, scheduler, ResumeState(), n_trials, lambda record, **_: record.checkpoint
        )
        self.domains = {path: d for v in variants for path, d in v.searched.items()}
        self.unused_runs = list(select_levels(archive, scheduler))
        random.Random(order).shuffle(self.unused_runs)
        self.assigned_runs: dict[str, Recording] = {}
        self.next_report: dict[str, int] = {}

    def simulate(self, workers: int) -> Iterator[ReplayPoint]:
        """Yield the state of the study after each epoch.

        Args:
            workers: Number of concurrent trials.
        """
        now, cost, best, asked, done = 0, 0, 0.0, 0, False
        busy: list[tuple[int, int, str]] = []
        while busy or not done:
            while not done and len(busy) < workers:
                config = self.queue.suggest(str(asked))
                if config is None:
                    done = not busy
                    break
                self.start_trial(config)
                heapq.heappush(busy, (now + 1, asked, config["trial"]))
                asked += 1
            if busy:
                now, name, number = heapq.heappop(busy)
                cost += 1
                report, continues = self.report_epoch(str(name), number)
                best = max(best, report.val_robust_accuracy)
                if continues:
                    heapq.heappush(busy, (now + 1, name, number))
                yield ReplayPoint(now, cost, best)

    def start_trial(self, config: Mapping[str, Any]) -> None:
        """Assign the nearest unused run to a new trial."""
        number = config["trial"]
        if number not in self.assigned_runs:
            wanted = {path: knob_value(config, path) for path in self.domains}
            nearest = min(self.unused_runs, key=lambda run: self.distance(run.knobs, wanted))
            self.unused_runs.remove(nearest)
            self.assigned_runs[number] = nearest
            self.queue.records[number] = Record(number, wanted, 0, {})
            self.next_report[number] = find_level_start(nearest, config["level"])
        else:
            self.queue.records[number].times_resumed += 1

    def distance(self, has: Mapping[str, object], wanted: Mapping[str, object]) -> float:
        """Return the distance of a run from a proposal, each knob scaled to its range."""
        return sum(
            value_distance(domain, has.get(p), wanted[p]) for p, domain in self.domains.items()
        )

    def report_epoch(self, name: str, number: str) -> tuple[Report, bool]:
        """Report the next epoch of a trial; return it and whether the trial continues."""
        run = self.assigned_runs[number]
        report = run.reports[self.next_report[number]]
        self.next_report[number] += 1
        decision = self.queue.decide(number, report)
        is_last = self.next_report[number] == len(run.reports)
        if decision == "continue" and not is_last:
            return report, True
        if is_last:  # some recorded runs are shorter than the others
            self.queue.decisions[number] = "continue"
        self.queue.on_trial_complete(name, asdict(report))
        return report, False


def select_levels(archive: Archive, scheduler: Scheduler) -> Iterator[Recording]:
    """Yield the recorded runs, restricted to the levels of a scheduler.

    Raises:
        InputError: If the runs lack these levels.
    """
    if archive.levels[-len(scheduler.levels) :] != scheduler.levels:
        has, wants = (", ".join(map(str, x.levels)) for x in (archive, scheduler))
        hint = (
            "" if len(scheduler.levels) == 1 else " To rank by beginnings, write fidelity=epochs."
        )
        raise InputError([
            f"replay: the recorded runs are of {has}; the scheduler wants {wants}.{hint}"
        ])
    skipped = len(archive.levels) - len(scheduler.levels)
    if not skipped:
        yield from archive.runs
        return
    for run in archive.runs:
        reports = (each for each in run.reports if each.level >= skipped)
        lowered = tuple(replace(each, level=each.level - skipped) for each in reports)
        yield replace(run, reports=lowered)


def select_last_level(archive: Archive) -> Iterator[Recording]:
    """Yield the recorded runs without their short runs."""
    last = len(archive.levels) - 1
    for run in archive.runs:
        reports = tuple(each for each in run.reports if each.level == last)
        yield replace(run, reports=reports)


def find_level_start(run: Recording, level: int) -> int:
    """Return the index of the first report of a level in a run."""
    return next(index for index, each in enumerate(run.reports) if each.level == level)


def knob_value(config: Mapping[str, Any], path: str) -> object:
    """Return the value of a knob in a configuration."""
    group, _, knob = path.partition(".")
    return config[group].get(knob) if group in config else None


def value_distance(domain: object, one: object, other: object) -> float:
    """Return the distance of two values of a knob, from 0 to about 1."""
    if one is None or other is None:
        return 1.0
    if list_values(domain) is not None:
        return float(one != other)
    if not isinstance(one, SupportsFloat) or not isinstance(
        other, SupportsFloat
    ):  # a recorded name, for a range of numbers
        return 1.0
    limits = as_range(domain)
    ends = [limits.lower, limits.upper, float(one), float(other)]
    if isinstance(base_sampler(domain), LogUniform):
        ends = [math.log(max(end, 1e-12)) for end in ends]
    low, high, first, second = ends
    return abs(first - second) / (high - low)
