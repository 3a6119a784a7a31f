"""A study replayed on runs that are over: what would it have found, and at what cost?

Searcher, rule and agenda are those of a real study; only training is replaced, by reading.
"""

import heapq
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import optuna
from ray.tune.search import Searcher
from ray.tune.search.sample import LogUniform

from trainables.errors import InputError
from trainables.training.report import Report
from tuner.config.domains import base_sampler, list_values
from tuner.config.plan import Variant
from tuner.replay.recordings import Archive, Recording
from tuner.runtime.resume.state import ResumeState
from tuner.runtime.trial_queue import TrialQueue
from tuner.schedulers.core.scheduler import Scheduler
from tuner.searchers.core.optuna_searcher import OptunaSearcher
from tuner.state.trial import Record


@dataclass(frozen=True)
class ReplayPoint:
    """What a replayed study had come to when an epoch ended.

    Attributes:
        time: Epochs' time since the start.
        cost: Epochs trained, over all workers.
        best_accuracy: The highest robust accuracy so far.
    """

    time: int
    cost: int
    best_accuracy: float


class Replay:
    """One order in which recorded runs are met.

    Attributes:
        queue: Of the study.
        unused_runs: Runs that no trial has been yet, in an order drawn at random.
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
        """Prepare a study.

        Args:
            archive: The recorded runs.
            variants: What trials choose among.
            sampler: What proposes the trial of a number.
            scheduler: Which trials go on.
            n_trials: How many there are to be.
            is_grid: Whether values are tried in turn.
            order: Seeds the order of the runs.
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
        """Yield what the study has come to after each epoch.

        Args:
            workers: Trials at a time.
        """
        now, cost, best, asked, done = 0, 0, 0.0, 0, False
        busy: list[tuple[int, int, str]] = []
        while busy or not done:
            while not done and len(busy) < workers:
                config = self.queue.suggest(str(asked))
                if config == Searcher.FINISHED:
                    done = True
                elif config is None:
                    break
                else:
                    assert isinstance(config, dict)
                    self.start_trial(config)
                    heapq.heappush(busy, (now + 1, asked, config["trial"]))
                    asked += 1
            if busy:
                now, name, number = heapq.heappop(busy)
                cost += 1
                report, goes_on = self.report_epoch(str(name), number)
                best = max(best, report.val_robust_accuracy)
                if goes_on:
                    heapq.heappush(busy, (now + 1, name, number))
                yield ReplayPoint(now, cost, best)

    def start_trial(self, config: Mapping[str, Any]) -> None:
        """Give a new trial the run that it is nearest to."""
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
        """Return how far a run is from a proposal, each knob in parts of its range."""
        return sum(
            value_distance(domain, has.get(p), wanted[p]) for p, domain in self.domains.items()
        )

    def report_epoch(self, name: str, number: str) -> tuple[Report, bool]:
        """Report the next epoch of a trial; return it and whether the trial goes on."""
        run = self.assigned_runs[number]
        report = run.reports[self.next_report[number]]
        self.next_report[number] += 1
        decision = self.queue.decide(number, report)
        over = self.next_report[number] == len(run.reports)
        if decision == "continue" and not over:
            return report, True
        if over:  # some recorded runs are shorter than the others
            self.queue.decisions[number] = "continue"
        self.queue.on_trial_complete(name, asdict(report))
        return report, False


def select_levels(archive: Archive, scheduler: Scheduler) -> Iterator[Recording]:
    """Yield the recorded runs with the levels that a rule knows.

    Raises:
        InputError: If they have no such levels.
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
    for run in archive.runs:
        reports = (each for each in run.reports if each.level >= skipped)
        lowered = tuple(replace(each, level=each.level - skipped) for each in reports)
        yield replace(run, reports=lowered) if skipped else run


def find_level_start(run: Recording, level: int) -> int:
    """Return where a level begins among the reports of a run."""
    return next(place for place, each in enumerate(run.reports) if each.level == level)


def knob_value(config: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401
    """Return the value of a knob in a configuration."""
    group, _, knob = path.partition(".")
    return config[group].get(knob) if group in config else None


def value_distance(domain: Any, one: Any, other: Any) -> float:  # noqa: ANN401
    """Return how far two values of a knob are apart, from 0 to about 1."""
    if one is None or other is None:
        return 1.0
    if list_values(domain) is not None:
        return float(one != other)
    if isinstance(one, str) or isinstance(other, str):  # a recorded name, for a range of numbers
        return 1.0
    ends = [domain.lower, domain.upper, one, other]
    if isinstance(base_sampler(domain), LogUniform):
        low, high, one, other = (math.log(max(end, 1e-12)) for end in ends)
    else:
        low, high, one, other = ends
    return float(abs(one - other) / (high - low))
