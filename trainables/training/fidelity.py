"""The whole runs that a trial consists of: short ones first, which decide who gets a long one.

A short run is a whole one: learning rate, eps and everything else that is scheduled go all the way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Level:
    """One of a trial's whole runs.

    Attributes:
        epochs: Its length.
        attack: Share of the steps of the training attack that it takes.
    """

    epochs: int
    attack: float = 1.0

    def __str__(self) -> str:
        """Return it in words."""
        weaker = f" with {self.attack:.3g} of the attack's steps" if self.attack < 1 else ""
        return f"{self.epochs} epochs{weaker}"

    def apply_to(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return a configuration at this level.

        An attack of fewer steps makes them longer, so that it gets as far.
        """
        own = {**config, "epochs": self.epochs}
        if self.attack < 1:
            attack = config["attack"]
            steps = max(1, round(self.attack * attack["steps"]))
            longer = attack["step_size"] * attack["steps"] / steps
            own["attack"] = {**attack, "steps": steps, "step_size": longer}
        return own


def epochs_trained(levels: Sequence[Level], position: tuple[int, int]) -> int:
    """Return how many epochs a trial has been trained for at a level and an epoch of it.

    >>> epochs_trained([Level(2), Level(8)], (1, 3))
    5
    """
    level, epoch = position
    return sum(each.epochs for each in levels[:level]) + epoch
