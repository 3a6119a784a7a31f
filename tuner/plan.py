"""Everything that a study consists of, nothing left open."""

import math
from dataclasses import dataclass
from typing import Any

from tuner.domains import values
from tuner.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A study that can be run.

    Attributes:
        settings: What the command line says of the study itself.
        space: Name of the space; "custom" if the command line alone says what is searched.
        recipe: Name of the recipe.
        trials: Configurations to try.
        epochs: Epochs of a trial that is not stopped early.
        fixed: Group to member and knobs that all trials share, defaults included.
        searched: Path of each searched knob, such as "optimizer.lr", to its domain.
        scheduler: Name and knobs.
        searcher: Name and knobs.
    """

    settings: Settings
    space: str
    recipe: str
    trials: int
    epochs: int
    fixed: dict[str, dict[str, Any]]
    searched: dict[str, Any]
    scheduler: dict[str, Any]
    searcher: dict[str, Any]

    def config(self) -> dict[str, Any]:
        """Return the part of a trial's configuration that all trials share."""
        return {
            **self.fixed,
            "epochs": self.epochs,
            "seed": self.settings.seed,
            "threads": self.settings.threads,
        }


def cells(searched: dict[str, Any]) -> int | None:
    """Return how many combinations a search has, or none if they cannot be counted."""
    listings = [values(domain) for domain in searched.values()]
    if any(listing is None for listing in listings):
        return None
    return math.prod(len(listing) for listing in listings if listing is not None)
