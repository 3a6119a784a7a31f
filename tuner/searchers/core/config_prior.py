"""The prior of a configuration: a mixture of densities around configurations that may be good.

One of them is drawn for each trial, and then each knob around its value there. Knobs that it says
nothing about are uniform.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from optuna.distributions import BaseDistribution

from tuner.config.domains import domain_step, list_values
from tuner.config.plan import Variant
from tuner.config.priors import KnobPrior, find_prior, is_logarithmic
from tuner.searchers.core.density import Density, Value, scaled_bounds
from tuner.searchers.core.distributions import (
    VARIANT,
    Parameters,
    encode_value,
    to_distribution,
)
from tuner.searchers.core.recipe_centres import RecipeCentre, find_recipe_centres

CENTRE_PROBABILITY = 0.75
"""Probability of a listed value that a recipe has."""


@dataclass(frozen=True)
class Component:
    """A part of a mixture.

    Attributes:
        name: Where it comes from: a recipe, or "" for the priors of a user.
        weight: Its weight in the mixture, in any unit.
        densities: Density by label of the variant and name of the parameter. The variant itself is
            under the label "".
    """

    name: str
    weight: float
    densities: Mapping[tuple[str, str], Density] = field(default_factory=dict)

    def find(self, label: str, name: str) -> Density | None:
        """Return the density of a parameter of a variant; `None`: it is uniform."""
        return self.densities.get(("" if name == VARIANT else label, name))

    def value_at(
        self, params: Mapping[str, Value], distributions: Mapping[str, BaseDistribution], label: str
    ) -> float:
        """Return the density of a configuration relative to the uniform one."""
        found = {name: self.find(label, name) for name in params}
        return math.prod(
            density.value_at(distributions[name], params[name])
            for name, density in found.items()
            if density
        )


@dataclass(frozen=True)
class ConfigPrior:
    """The prior of a configuration.

    Attributes:
        components: At least one; the first is the most probable.
        only_label: Label of the variant, if there is only one.
    """

    components: Sequence[Component] = (Component("", 1.0),)
    only_label: str = ""

    def label_of(self, params: Mapping[str, Value]) -> str:
        """Return the label of the variant of a configuration."""
        return str(params.get(VARIANT, self.only_label))

    def value_at(
        self, params: Mapping[str, Value], distributions: Mapping[str, BaseDistribution]
    ) -> float:
        """Return the density of a configuration relative to the uniform one."""
        total, label = sum(each.weight for each in self.components), self.label_of(params)
        return sum(
            each.weight / total * each.value_at(params, distributions, label)
            for each in self.components
        )


class PriorBuilder:
    """Builds the prior of a study once, for all its samplers.

    Attributes:
        variants: Variants of the search space.
        recipe: Name of the recipe of the study.
    """

    def __init__(self, variants: Sequence[Variant] = (), recipe: str = "") -> None:
        self.variants, self.recipe = variants, recipe
        self.built: dict[tuple[bool, float], ConfigPrior] = {}

    def build(self, *, recipes: bool, spread: float) -> ConfigPrior:
        """Return the prior.

        Args:
            recipes: Whether to use recipes where the user gives no prior.
            spread: Standard deviation around the value of a recipe, as a share of the range.
        """
        if (recipes, spread) not in self.built:
            centres = find_recipe_centres(self.variants, self.recipe) if recipes else []
            components = [
                Component(centre.name, centre.weight, dict(self.build_densities(centre, spread)))
                for centre in centres or [RecipeCentre("", 1.0, {})]
            ]
            components.sort(key=lambda each: -each.weight)  # stable: the study's recipe stays first
            labels = [variant.label for variant in self.variants]
            self.built[recipes, spread] = ConfigPrior(components, "".join(labels[:1]))
        return self.built[recipes, spread]

    def build_densities(
        self, centre: RecipeCentre, spread: float
    ) -> Iterator[tuple[tuple[str, str], Density]]:
        """Yield label, name and density of each parameter around a recipe."""
        parameters = Parameters(self.variants)
        if len(self.variants) > 1 and centre.variant is not None:
            yield ("", VARIANT), Density(centre.variant, CENTRE_PROBABILITY)
        for variant in self.variants:
            for path, domain in variant.searched.items():
                value = centre.values.get((variant.label, path))
                if prior := find_prior(domain):
                    density = scale_prior(domain, prior)
                elif value is not None:
                    listed = list_values(domain) is not None
                    width = CENTRE_PROBABILITY if listed else spread
                    density = Density(encode_value(domain, value), width)
                else:
                    continue
                yield (variant.label, parameters.parameter_name(variant.label, path)), density


def scale_prior(domain: object, prior: KnobPrior) -> Density:
    """Return a user's prior as a density on the scale of its domain."""
    centre = encode_value(domain, prior.centre)
    if list_values(domain) is not None:
        return Density(centre, prior.spread)
    low, high = scaled_bounds(to_distribution(domain))
    if is_logarithmic(domain):
        return Density(centre, math.log(prior.spread) / (high - low))
    return Density(centre, prior.spread / (domain_step(domain) or 1) / (high - low))
