"""The runs that a trial consists of: short ones first, which decide which trials get a long one.

A short run is complete: learning rate, eps and all other schedules run to their end. At rungs the
scheduler decides whether a trial continues.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MAX_DROP_RATIO = 0.7
"""Ratio of two successive epochs' learning rates; less is a drop. No smooth schedule falls as fast
before its end."""


@dataclass(frozen=True)
class Level:
    """One run of a trial.

    Attributes:
        epochs: Length of the run.
        attack: Share of the training attack's steps, in (0, 1].
    """

    epochs: int
    attack: float = 1.0

    def __str__(self) -> str:
        """Return a description for users."""
        weaker = f" with {self.attack:.3g} of the attack's steps" if self.attack < 1 else ""
        return f"{self.epochs} epochs{weaker}"

    def apply_to(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration at this level.

        With fewer attack steps each is longer, so that the total length is the same.
        """
        changed = {**config, "epochs": self.epochs}
        if self.attack < 1:
            attack = config["attack"]
            steps = max(1, round(self.attack * attack["steps"]))
            longer = attack["step_size"] * attack["steps"] / steps
            changed["attack"] = {**attack, "steps": steps, "step_size": longer}
        return changed


def epochs_trained(levels: Sequence[Level], position: tuple[int, int]) -> int:
    """Return how many epochs a trial has been trained for at a level and an epoch of it.

    >>> epochs_trained([Level(2), Level(8)], (1, 3))
    5
    """
    level, epoch = position
    return sum(run.epochs for run in levels[:level]) + epoch


@dataclass(frozen=True)
class Rung:
    """An epoch of a trial at which the scheduler decides.

    Attributes:
        level: Index of the run.
        epoch: Epoch of that run; `None`: the first drop of the learning rate.
        epochs_after: Epochs between the drop and the rung.
    """

    level: int
    epoch: int | None
    epochs_after: int = 0


def find_rung_epochs(rungs: Iterable[Rung], level: int, lrs: Sequence[float]) -> frozenset[int]:
    """Return the epochs of a run at which it reaches a rung.

    Args:
        rungs: The rungs of all runs.
        level: Index of the run.
        lrs: Learning rate at the end of each of its epochs.

    >>> sorted(find_rung_epochs([Rung(0, 1), Rung(1, 2), Rung(1, None, 1)], 1, [1, 1, 0.1, 0.1]))
    [2, 4]
    """
    drop = find_lr_drop(lrs)
    return frozenset(
        epoch
        for rung in rungs
        if rung.level == level
        and (epoch := rung.epoch or (drop and drop + rung.epochs_after)) is not None
    )


def find_lr_drop(lrs: Sequence[float]) -> int | None:
    """Return the first epoch whose learning rate is a drop, or `None`.

    >>> find_lr_drop([0.1, 0.1, 0.01]), find_lr_drop([0.1, 0.08])
    (3, None)
    """
    pairs = enumerate(itertools.pairwise(lrs), start=2)
    return next((epoch for epoch, (last, lr) in pairs if lr < MAX_DROP_RATIO * last), None)
