"""The epochs that the trials of a study are still expected to run."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from trainables.training.fidelity import Level

Position = tuple[int, int]
"""Level and epoch."""


@dataclass(frozen=True)
class FutureRuns:
    """Equal stretches of training that are still to come.

    Attributes:
        count: How many trials run it; an expected number, so that it may be a fraction.
        epochs: Its epochs at each level.
        bracket: Index of the bracket, within which runs wait for each other.
        stage: Index of the rung at which it ends; runs that start at a rung wait for runs of the
            stage before.
        ready: How many of them need not wait: their trials are at their start already.
        completing: Share of them after which a trial is complete.
    """

    count: float
    epochs: tuple[float, ...]
    bracket: int = 0
    stage: int = 0
    ready: float = math.inf
    completing: float = 0.0


def end_position(levels: Sequence[Level]) -> Position:
    """Return the last position of a complete trial."""
    return len(levels) - 1, levels[-1].epochs


def epochs_between(levels: Sequence[Level], start: Position, end: Position) -> tuple[float, ...]:
    """Return the epochs of each level from a position to a later one.

    >>> epochs_between([Level(2), Level(8)], (0, 1), (1, 3))
    (1, 3)
    """
    return tuple(
        max(0, reached(number, level, end) - reached(number, level, start))
        for number, level in enumerate(levels)
    )


def reached(number: int, level: Level, position: Position) -> int:
    """Return the epochs of a level that a trial has run at a position."""
    if number == position[0]:
        return position[1]
    return level.epochs if number < position[0] else 0
