"""Successive halving: the best of each rung go on once all of it is known."""

from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence

from trainables.report import Report
from tuner.ladder import Climber, Ladder
from tuner.rule import Decision, Rule, Step


class Place:
    """Who has come to a rung, ranked as they come: a study asks for the best all the time.

    Attributes:
        values: The value of each.
        gone: Who has gone on from there.
        coming: Who has gone on to there, and may come yet.
    """

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.gone: set[str] = set()
        self.coming: set[str] = set()
        self.ranks: list[tuple[float, str]] = []
        self.waiting: list[tuple[float, str]] = []

    def comes(self, trial: str, value: float) -> None:
        """Take note of who waits here; of equals the earlier trial is better."""
        self.values[trial] = value
        self.coming.discard(trial)
        insort(self.ranks, (-value, trial))
        insort(self.waiting, (-value, trial))

    def goes(self, trial: str) -> None:
        """Take note of who waits no longer."""
        self.gone.add(trial)
        del self.waiting[bisect_left(self.waiting, (-self.values[trial], trial))]

    def best(self, room: int) -> str | None:
        """Return the best that waits, if fewer than `room` have been better."""
        if not self.waiting or bisect_left(self.ranks, self.waiting[0]) >= room:
            return None
        return self.waiting[0][1]


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
        self.places = [Place() for _ in ladder.rungs]
        self.over: set[str] = set()
        self.missing = 0

    def begins(self, trial: str) -> int:
        """Take note of a new trial; return the level that it begins with."""
        self.climbers[trial] = Climber(self.ladder, self.first)
        return self.ladder.level_after(self.first)

    def reported(self, trial: str, report: Report, knobs: Mapping[str, object]) -> Decision:
        """Take note of an epoch; a trial waits at every rung."""
        climber = self.climbers[trial]
        rung = climber.sees(report)
        if rung is None or report.broken:
            return "go"
        self.places[rung].comes(trial, climber.value)
        return "wait"

    def ended(self, trial: str) -> None:
        """Take note that a trial will come to no other rung."""
        if trial not in self.over and self.first < len(self.places):
            self.over.add(trial)
            self.missing += trial not in self.places[self.first].values
            for place in self.places:
                place.coming.discard(trial)

    def next(self, *, idle: bool) -> Step | None:
        """Return the best trial that waits where all is known; where idle, the best so far."""
        for rung in reversed(range(self.first, len(self.places))):
            if idle or self.complete(rung):
                trial = self.places[rung].best(self.room[rung - self.first + 1])
                if trial is not None:
                    return Step(trial, trial)
        return None

    def went_on(self, step: Step) -> None:
        """Take note that a trial goes for the next rung."""
        rung = self.climbers[step.trial].rung
        self.places[rung - 1].goes(step.trial)
        if rung < len(self.places):
            self.places[rung].coming.add(step.trial)

    def complete(self, rung: int) -> bool:
        """Return whether all trials that will come to a rung have come."""
        if rung == self.first:
            return len(self.places[rung].values) + self.missing >= self.room[0]
        before = self.places[rung - 1]
        due = len(before.gone) >= min(self.room[rung - self.first], len(before.values))
        return due and self.complete(rung - 1) and not self.places[rung].coming
