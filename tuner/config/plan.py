"""Everything that a study consists of, nothing left open."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.config.domains import list_values
from tuner.config.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One of the alternatives that a study chooses among; most have just one.

    Attributes:
        label: What it is called; empty if it is the only one.
        fixed: Group to member and knobs, defaults included.
        searched: Path of each searched knob, such as "optimizer.lr", to its domain.
        published: What a paper measured for it, by the name of the measurement.
    """

    label: str
    fixed: dict[str, dict[str, Any]]
    searched: dict[str, object]
    published: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A study that can be run.

    Attributes:
        settings: What the command line says of the study itself.
        space: Name of the space; "custom" if the command line alone says what is searched.
        recipe: Name of the recipe.
        trials: Configurations to try.
        epochs: Epochs of a trial that is not stopped early.
        variants: What trials choose among.
        scheduler: Name and knobs.
        searcher: Name and knobs.
        warnings: What may be a mistake, and is done all the same.
    """

    settings: Settings
    space: str
    recipe: str
    trials: int
    epochs: int
    variants: tuple[Variant, ...]
    scheduler: dict[str, object]
    searcher: dict[str, Any]
    warnings: tuple[str, ...] = ()

    def shared_config(self) -> dict[str, Any]:
        """Return the part of a trial's configuration that no variant changes."""
        return {
            "seed": self.settings.seed,
            "threads": self.settings.threads,
            "precision": self.settings.precision,
            "compile": self.settings.compile,
            **({"constraint": self.settings.constraint} if self.settings.constraint else {}),
        }

    @property
    def knob_columns(self) -> list[str]:
        """What tells trials apart: the variant, searched knobs, and knobs that variants differ in.

        A member that is chosen by name stands under its group, "model", a knob under its path.
        """
        spread: dict[str, list[object]] = {}
        for variant in self.variants:
            for path, value in flatten_groups(variant.fixed).items():
                spread.setdefault(path, []).append(value)
        everywhere = {path: len(found) == len(self.variants) for path, found in spread.items()}
        differing = [
            path
            for path, found in spread.items()
            if any(value != found[0] for value in found)
            # a knob that only some members have differs with the member, and says nothing new
            or (not everywhere[path] and path in self.domains_by_knob)
        ]
        named = ["variant"] if len(self.variants) > 1 else []
        return [*named, *dict.fromkeys([*differing, *self.domains_by_knob])]

    @property
    def domains_by_knob(self) -> dict[str, list[object]]:
        """Path of each searched knob, to its domains in the variants that search it."""
        found: dict[str, list[object]] = {}
        for variant in self.variants:
            for path, domain in variant.searched.items():
                found.setdefault(path, []).append(domain)
        return found


def flatten_groups(groups: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """Return each value of nested groups by its path, the name of a member by its group."""
    return {
        group if knob == "name" else f"{group}.{knob}": value
        for group, values_ in groups.items()
        for knob, value in values_.items()
    }


def tuples_to_lists(value: Any) -> Any:  # noqa: ANN401
    """Return nested values with lists for tuples, which YAML has no word for."""
    if isinstance(value, Mapping):
        return {key: tuples_to_lists(item) for key, item in value.items()}
    return [tuples_to_lists(item) for item in value] if isinstance(value, list | tuple) else value


def count_cells(variants: tuple[Variant, ...]) -> int | None:
    """Return how many combinations a search has, or none if they cannot be counted."""
    total = 0
    for variant in variants:
        listings = [list_values(domain) for domain in variant.searched.values()]
        if any(listing is None for listing in listings):
            return None
        total += math.prod(len(listing) for listing in listings if listing is not None)
    return total
