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

from trainables.problems import InputError
from trainables.report import Report
from tuner.agenda import Agenda
from tuner.domains import scale, values
from tuner.plan import Variant
from tuner.recall import Memory
from tuner.record import Record
from tuner.recorded import Archive, Recording
from tuner.rule import Rule
from tuner.searcher import StudySearcher


@dataclass(frozen=True)
class Moment:
    """What a replayed study had come to when an epoch ended.

    Attributes:
        time: Epochs' time since the start.
        cost: Epochs trained, over all workers.
        best: The highest robust accuracy so far.
    """

    time: int
    cost: int
    best: float


class Replay:
    """One order in which recorded runs are met.

    Attributes:
        agenda: Of the study.
        unused: Runs that no trial has been yet, in an order drawn at random.
    """

    def __init__(
        self,
        archive: Archive,
        variants: Sequence[Variant],
        sampler: Callable[[int], optuna.samplers.BaseSampler],
        rule: Rule,
        trials: int,
        *,
        listed: bool,
        order: int,
    ) -> None:
        """Prepare a study.

        Args:
            archive: The recorded runs.
            variants: What trials choose among.
            sampler: What proposes the trial of a number.
            rule: Which trials go on.
            trials: How many there are to be.
            listed: Whether values are tried in turn.
            order: Seeds the order of the runs.
        """
        study = StudySearcher(variants, sampler, listed=listed, levels=rule.levels)
        self.agenda = Agenda(study, rule, Memory(), trials, lambda record, **_: record.checkpoint)
        self.searched = {path: d for v in variants for path, d in v.searched.items()}
        self.unused = list(suited(archive, rule))
        random.Random(order).shuffle(self.unused)
        self.recordings: dict[str, Recording] = {}
        self.met: dict[str, int] = {}

    def run(self, workers: int) -> Iterator[Moment]:
        """Yield what the study has come to after each epoch.

        Args:
            workers: Trials at a time.
        """
        now, cost, best, asked, done = 0, 0, 0.0, 0, False
        busy: list[tuple[int, int, str]] = []
        while busy or not done:
            while not done and len(busy) < workers:
                config = self.agenda.suggest(str(asked))
                if config == Searcher.FINISHED:
                    done = True
                elif config is None:
                    break
                else:
                    assert isinstance(config, dict)
                    self.begins(config)
                    heapq.heappush(busy, (now + 1, asked, config["trial"]))
                    asked += 1
            if busy:
                now, name, number = heapq.heappop(busy)
                cost += 1
                report, goes_on = self.reports(str(name), number)
                best = max(best, report.val_robust_accuracy)
                if goes_on:
                    heapq.heappush(busy, (now + 1, name, number))
                yield Moment(now, cost, best)

    def begins(self, config: Mapping[str, Any]) -> None:
        """Give a new trial the run that it is nearest to."""
        number = config["trial"]
        if number not in self.recordings:
            wanted = {path: at(config, path) for path in self.searched}
            nearest = min(self.unused, key=lambda run: self.distance(run.knobs, wanted))
            self.unused.remove(nearest)
            self.recordings[number] = nearest
            self.agenda.records[number] = Record(number, wanted, 0, {})
            self.met[number] = begins_at(nearest, config["level"])
        else:
            self.agenda.records[number].went_on += 1

    def distance(self, has: Mapping[str, object], wanted: Mapping[str, object]) -> float:
        """Return how far a run is from a proposal, each knob in parts of its range."""
        return sum(apart(domain, has.get(p), wanted[p]) for p, domain in self.searched.items())

    def reports(self, name: str, number: str) -> tuple[Report, bool]:
        """Report the next epoch of a trial; return it and whether the trial goes on."""
        run = self.recordings[number]
        report = run.reports[self.met[number]]
        self.met[number] += 1
        decision = self.agenda.decide(number, report)
        over = self.met[number] == len(run.reports)
        if decision == "go" and not over:
            return report, True
        if over:  # some recorded runs are shorter than the others
            self.agenda.decided[number] = "go"
        self.agenda.on_trial_complete(name, asdict(report))
        return report, False


def suited(archive: Archive, rule: Rule) -> Iterator[Recording]:
    """Yield the recorded runs with the levels that a rule knows.

    Raises:
        InputError: If they have no such levels.
    """
    if archive.levels[-len(rule.levels) :] != rule.levels:
        has, wants = (", ".join(map(str, x.levels)) for x in (archive, rule))
        hint = "" if len(rule.levels) == 1 else " To rank by beginnings, write fidelity=epochs."
        raise InputError([
            f"replay: the recorded runs are of {has}; the scheduler wants {wants}.{hint}"
        ])
    skipped = len(archive.levels) - len(rule.levels)
    for run in archive.runs:
        reports = (each for each in run.reports if each.level >= skipped)
        lowered = tuple(replace(each, level=each.level - skipped) for each in reports)
        yield replace(run, reports=lowered) if skipped else run


def begins_at(run: Recording, level: int) -> int:
    """Return where a level begins among the reports of a run."""
    return next(place for place, each in enumerate(run.reports) if each.level == level)


def at(config: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401
    """Return the value of a knob in a configuration."""
    group, _, knob = path.partition(".")
    return config[group].get(knob) if group in config else None


def apart(domain: Any, one: Any, other: Any) -> float:  # noqa: ANN401
    """Return how far two values of a knob are apart, from 0 to about 1."""
    if one is None or other is None:
        return 1.0
    if values(domain) is not None:
        return float(one != other)
    if isinstance(one, str) or isinstance(other, str):  # a recorded name, for a range of numbers
        return 1.0
    ends = [domain.lower, domain.upper, one, other]
    if isinstance(scale(domain), LogUniform):
        low, high, one, other = (math.log(max(end, 1e-12)) for end in ends)
    else:
        low, high, one, other = ends
    return float(abs(one - other) / (high - low))
