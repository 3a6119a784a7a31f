"""The plan of a study: all settings resolved."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from trainables.binding import bind_member
from tuner.config.class_balance import ClassBalance
from tuner.config.domains import list_values
from tuner.config.settings import Settings
from tuner.config.study_groups import STUDY_GROUPS


@dataclass(frozen=True, kw_only=True)
class Variant:
    """One of the alternative configurations of a study; most studies have one.

    Attributes:
        label: Name of the variant; empty if it is the only one.
        fixed: Member and fixed knobs by group, with defaults.
        searched: Domains by path of the searched knob, for example "optimizer.lr".
        published: Published results by name of the measurement.
        class_balance: Classes of the validation split; `None`: the images were not loaded.
        n_train: Images of the training split; 0: they were not loaded.
    """

    label: str
    fixed: dict[str, dict[str, object]]
    searched: dict[str, object]
    published: Mapping[str, str] = field(default_factory=dict)
    class_balance: ClassBalance | None = None
    n_train: int = 0


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A study that is ready to run.

    Attributes:
        settings: Settings of the study.
        space: Name of the space; "custom" without one.
        recipe: Name of the recipe.
        trials: Configurations to try.
        epochs: Epochs of a trial that is not stopped early.
        variants: Alternative configurations.
        scheduler: Name and knobs.
        searcher: Name and knobs.
        typed: Paths of knobs whose values were typed on the command line.
        warnings: Possible mistakes, printed before the study runs.
        defaulted: "scheduler" and "fidelity", as far as they were not typed.
    """

    settings: Settings
    space: str
    recipe: str
    trials: int
    epochs: int
    variants: tuple[Variant, ...]
    scheduler: dict[str, object]
    searcher: dict[str, object]
    typed: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()
    defaulted: frozenset[str] = frozenset()

    def shared_config(self) -> dict[str, object]:
        """Return the part of a trial's configuration that is equal in all variants."""
        return {
            "seed": self.settings.seed,
            "threads": self.settings.threads,
            "precision": self.settings.precision,
            "graphs": self.settings.graphs,
            "deterministic": self.settings.deterministic,
            "compile": self.settings.compile,
            **({"init": self.settings.init} if self.settings.init else {}),
            **({"constraint": self.settings.constraint} if self.settings.constraint else {}),
        }

    @property
    def knob_columns(self) -> list[str]:
        """Columns in which trials differ: variant, searched knobs, knobs that differ by variant.

        The column of a member is its group, for example "model"; that of a knob is its path.
        """
        values_by_path: dict[str, list[object]] = {}
        for variant in self.variants:
            for path, value in flatten_groups(variant.fixed).items():
                values_by_path.setdefault(path, []).append(value)
        n_variants = len(self.variants)
        differing = [
            path
            for path, values in values_by_path.items()
            if any(value != values[0] for value in values)
            # a fixed knob that only some members have is implied by the member
            or (len(values) < n_variants and path in self.domains_by_knob)
        ]
        named = ["variant"] if len(self.variants) > 1 else []
        return [*named, *dict.fromkeys([*differing, *self.domains_by_knob])]

    @property
    def is_single(self) -> bool:
        """Whether there is one configuration: nothing is searched."""
        return not self.domains_by_knob and len(self.variants) == 1

    @property
    def domains_by_knob(self) -> dict[str, list[object]]:
        """Domains of each searched knob by its path, one per variant that searches it."""
        domains: dict[str, list[object]] = {}
        for variant in self.variants:
            for path, domain in variant.searched.items():
                domains.setdefault(path, []).append(domain)
        return domains


def flatten_groups(groups: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """Return the values of nested groups by path; the path of a member name is its group."""
    return {
        group if knob == "name" else f"{group}.{knob}": value
        for group, knobs in groups.items()
        for knob, value in knobs.items()
    }


def tuples_to_lists(value: Any) -> Any:  # noqa: ANN401
    """Return nested values with tuples replaced by lists, as YAML has no tuples."""
    if isinstance(value, Mapping):
        return {key: tuples_to_lists(item) for key, item in value.items()}
    return [tuples_to_lists(item) for item in value] if isinstance(value, list | tuple) else value


def count_cells(variants: tuple[Variant, ...]) -> int | None:
    """Return the number of grid cells of all variants; `None`: a range is searched."""
    total = 0
    for variant in variants:
        listings = [list_values(domain) for domain in variant.searched.values()]
        if any(listing is None for listing in listings):
            return None
        total += math.prod(len(listing) for listing in listings if listing is not None)
    return total


def complete_scheduler(scheduler: Mapping[str, object]) -> dict[str, object]:
    """Return the name and all knobs of a scheduler, those not set with their defaults."""
    knobs = STUDY_GROUPS["scheduler"].member_knobs(str(scheduler["name"]))
    return {"name": scheduler["name"]} | {
        name: scheduler.get(name, knob.default) for name, knob in knobs.items()
    }


def bind_study_member(group: str, settings: Mapping[str, object]) -> partial[Any]:
    """Return the `build` of a scheduler or searcher with its knobs set."""
    values = {key: value for key, value in settings.items() if key != "name"}
    return bind_member(STUDY_GROUPS[group], str(settings["name"]), values)["build"]
