"""The runs that a trial consists of: short ones first, which decide which trials get a long one.

A short run is complete: learning rate, eps and all other schedules run to their end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


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
