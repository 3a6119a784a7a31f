"""The published recipes that fit a study, as values of its searched knobs.

A recipe fits if it has the data, the kind of threat and about the eps of a variant. One with the
same method, and one with the same network, counts twice. The recipe of the study itself always
counts.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trainables.components import GROUPS
from trainables.hparams import registry
from trainables.hparams.knobs import REQUIRED
from tuner.config.domains import contains
from tuner.config.plan import Variant
from tuner.config.spaces import ConfigLayer, load_space
from tuner.config.study_groups import RECIPES_PACKAGE

EPS_TOLERANCE = 1.1
"""Largest ratio of two eps that count as the same: 0.031 and 8/255 do."""
AGREEMENT_FACTOR = 2.0
"""How often a recipe counts for the same method, and again for the same network."""


@dataclass(frozen=True)
class RecipeCentre:
    """A recipe in the space of a study.

    Attributes:
        name: Name of the recipe.
        weight: How often it counts.
        values: Its values by label of the variant and path of the searched knob, where it has the
            member of the variant and the domain holds its value.
        variant: Label of the variant that agrees with it in most members; `None`: several do.
    """

    name: str
    weight: float
    values: Mapping[tuple[str, str], object] = field(default_factory=dict)
    variant: str | None = None


def find_recipe_centres(variants: Sequence[Variant], recipe: str) -> list[RecipeCentre]:
    """Return the recipes that fit at least one variant, that of the study first.

    Args:
        variants: Variants of the search space.
        recipe: Name of the recipe of the study.
    """
    centres = []
    for name in dict.fromkeys([recipe, *sorted(registry.list_members(RECIPES_PACKAGE))]):
        loaded = load_space(RECIPES_PACKAGE, name, problems=[])
        if loaded is None:
            continue  # the base of `tuner.train` is no recipe
        fitting = [each for each in variants if name == recipe or fits(each, loaded.layer)]
        if fitting:
            weight = max(weigh_agreement(each, loaded.layer) for each in fitting)
            values = dict(find_values(fitting, loaded.layer))
            centres.append(
                RecipeCentre(name, weight, values, closest_variant(fitting, loaded.layer))
            )
    return centres


def fits(variant: Variant, recipe: ConfigLayer) -> bool:
    """Return whether a recipe trains on the data and against the threat of a variant."""
    same_members = all(
        member_name(variant.fixed, group) == member_name(recipe, group)
        for group in ("data", "threat")
    )
    mine, other = variant.fixed.get("threat", {}).get("eps"), recipe.get("threat", {}).get("eps")
    return same_members and is_close_eps(mine, other)


def is_close_eps(one: object, other: object) -> bool:
    """Return whether two eps are about the same."""
    if not isinstance(one, int | float) or not isinstance(other, int | float):
        return False
    if one == 0 or other == 0:
        return one == other
    return abs(math.log(one / other)) <= math.log(EPS_TOLERANCE)


def weigh_agreement(variant: Variant, recipe: ConfigLayer) -> float:
    """Return how often a recipe counts for a variant."""
    agreements = sum(
        member_name(variant.fixed, group) == member_name(recipe, group)
        for group in ("method", "model")
    )
    return float(AGREEMENT_FACTOR**agreements)


def closest_variant(variants: Sequence[Variant], recipe: ConfigLayer) -> str | None:
    """Return the label of the variant with most members of a recipe; `None`: several have."""

    def count_agreements(variant: Variant) -> int:
        return sum(
            member_name(variant.fixed, group) == member_name(recipe, group) for group in GROUPS
        )

    counts = {variant.label: count_agreements(variant) for variant in variants}
    best = [label for label, count in counts.items() if count == max(counts.values())]
    return best[0] if len(best) == 1 else None


def find_values(
    variants: Sequence[Variant], recipe: ConfigLayer
) -> Iterator[tuple[tuple[str, str], object]]:
    """Yield label, path and value of each searched knob that a recipe has a valid value of."""
    for variant in variants:
        for path, domain in variant.searched.items():
            group, _, knob = path.partition(".")
            if member_name(variant.fixed, group) != member_name(recipe, group):
                continue  # a learning rate of SGD says nothing about Adam
            value = recipe_value(recipe, group, knob)
            if value is not None and contains(domain, value):
                yield (variant.label, path), value


def recipe_value(recipe: ConfigLayer, group: str, knob: str) -> object:
    """Return the value of a knob in a recipe, or its default; `None`: it has none."""
    values = recipe.get(group, {})
    if knob in values:
        return values[knob]
    known = GROUPS[group].member_knobs(member_name(recipe, group))
    default = known[knob].default if knob in known else None
    return None if default is REQUIRED else default


def member_name(config: Mapping[str, Mapping[str, Any]], group: str) -> str | None:
    """Return the member of a group in a configuration, or the default one."""
    name: str | None = config.get(group, {}).get("name", GROUPS[group].default)
    return name
