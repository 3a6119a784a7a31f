"""A study replayed on runs that are over: what would it have found, and at what cost?

Searcher, rule and agenda are those of a real study; only training is replaced, by reading.
"""

import heapq
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import optuna
from ray.tune.search import Searcher
from ray.tune.search.sample import LogUniform

from tuner.agenda import Agenda
from tuner.domains import scale, values
from tuner.plan import Variant
from tuner.progress import Record
from tuner.recall import Memory
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
        self.agenda = Agenda(study, rule, Memory(), trials, lambda record: record.checkpoint)
        self.searched = {path: d for v in variants for path, d in v.searched.items()}
        self.unused = list(archive.runs)
        random.Random(order).shuffle(self.unused)
        self.recordings: dict[str, Recording] = {}
        self.met: dict[str, int] = {}
        self.places = placed(archive, rule)

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
                best = max(best, self.recordings[number].reports[self.met[number]].val_robust_accuracy)
                if self.reports(str(name), number):
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
            self.met[number] = self.places[nearest.name][config["level"]]
        else:
            self.agenda.records[number].went_on += 1

    def distance(self, has: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
        """Return how far a run is from a proposal, each knob in parts of its range."""
        return sum(apart(domain, has.get(p), wanted[p]) for p, domain in self.searched.items())

    def reports(self, name: str, number: str) -> bool:
        """Report the next epoch of a trial; return whether it goes on."""
        run = self.recordings[number]
        report = run.reports[self.met[number]]
        self.met[number] += 1
        decision = self.agenda.decide(number, report)
        over = self.met[number] == len(run.reports)
        if decision == "go" and not over:
            return True
        if over:
            self.agenda.decided[number] = "go"
        self.agenda.on_trial_complete(name, asdict(report))
        return False


def placed(archive: Archive, rule: Rule) -> dict[str, dict[int, int]]:
    """Return where each level of each run begins among its reports.

    Raises:
        LookupError: If the runs have no such levels.
    """
    if archive.levels[-len(rule.levels) :] != rule.levels and len(rule.levels) > 1:
        has, wants = ([level.epochs for level in x.levels] for x in (archive, rule))
        raise LookupError(f"the recorded runs are whole at {has} epochs, the scheduler asks {wants}")
    first: dict[str, dict[int, int]] = {}
    for run in archive.runs:
        starts = first.setdefault(run.name, {})
        for place, report in enumerate(run.reports):
            starts.setdefault(report.level, place)
    return first


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
    ends = [domain.lower, domain.upper, one, other]
    if isinstance(scale(domain), LogUniform):
        low, high, one, other = (math.log(max(end, 1e-12)) for end in ends)
    else:
        low, high, one, other = ends
    return abs(one - other) / (high - low)
