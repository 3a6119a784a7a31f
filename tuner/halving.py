"""Successive halving: the best of each rung go on once all of it is known."""

from collections.abc import Mapping, Sequence
from typing import Any

from trainables.report import Report
from tuner.ladder import Climber, Ladder
from tuner.rule import Decision, Rule, Step


class Halving(Rule):
    """Synchronous successive halving (Karnin et al., 2013) that leaves no machine idle.

    A trial waits at a rung until all that will come to it have come; the best go on. Where there is
    room and nothing else to do, the best so far goes on before: at worst that is one too many.

    Attributes:
        ladder: The rungs.
        room: How many trials come to each rung, and at last to the end.
    """

    def __init__(
        self, ladder: Ladder, keep: Sequence[float], trials: int, *, first: int = 0
    ) -> None:
        """Begin with no trial.

        Args:
            ladder: The rungs.
            keep: Share of the trials that go on, rung by rung; the last for all that follow.
            trials: How many there will be.
            first: The rung that trials come to first; they skip those before.
        """
        super().__init__(ladder.levels)
        self.ladder, self.first = ladder, first
        self.room = [trials]
        for rung in range(first, len(ladder.rungs)):
            share = keep[min(rung, len(keep) - 1)]
            self.room.append(max(1, round(share * self.room[-1])))
        self.climbers: dict[str, Climber] = {}
        self.values: list[dict[str, float]] = [{} for _ in ladder.rungs]
        self.gone: list[set[str]] = [set() for _ in ladder.rungs]
        self.over: set[str] = set()

    def begins(self, trial: str) -> int:
        """Take note of a new trial; return the level that it begins with."""
        self.climbers[trial] = Climber(self.ladder, self.first)
        return self.ladder.level_after(self.first)

    def reported(self, trial: str, report: Report, knobs: Mapping[str, Any]) -> Decision:
        """Take note of an epoch; a trial waits at every rung."""
        climber = self.climbers[trial]
        rung = climber.sees(report)
        if rung is None or report.broken:
            return "go"
        self.values[rung][trial] = climber.value
        return "wait"

    def ended(self, trial: str) -> None:
        """Take note that a trial will come to no other rung."""
        self.over.add(trial)

    def next(self, *, idle: bool) -> Step | None:
        """Return the best trial that waits where all is known; where idle, the best so far."""
        for rung in reversed(range(self.first, len(self.values))):
            if idle or self.complete(rung):
                room = self.room[rung - self.first + 1]
                best = sorted(self.values[rung].items(), key=lambda item: (-item[1], item[0]))
                for trial, _ in best[:room]:
                    if trial not in self.gone[rung]:
                        return Step(trial, trial)
        return None

    def went_on(self, step: Step) -> None:
        """Take note that a trial goes for the next rung."""
        self.gone[self.climbers[step.trial].rung - 1].add(step.trial)

    def complete(self, rung: int) -> bool:
        """Return whether all trials that will come to a rung have come."""
        if rung == self.first:
            missing = self.over - self.values[rung].keys()
            return len(self.values[rung]) + len(missing) >= self.room[0]
        before = self.gone[rung - 1]
        due = len(before) >= min(self.room[rung - self.first], len(self.values[rung - 1]))
        return due and self.complete(rung - 1) and before <= self.values[rung].keys() | self.over
