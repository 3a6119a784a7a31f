"""Searched knobs as Optuna parameters: name, distribution and value."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from ray.tune.search.sample import LogUniform

from tuner.config.domains import (
    ChoiceKey,
    are_equal,
    as_range,
    base_sampler,
    choice_key,
    contains,
    domain_index_range,
    domain_step,
    format_domain,
    list_values,
    value_at,
)
from tuner.config.plan import Variant, flatten_groups, tuples_to_lists

VARIANT = "variant"


class Parameters:
    """The parameters of a study.

    Attributes:
        variants: Variants of the search space by label.
    """

    def __init__(self, variants: Sequence[Variant]) -> None:
        self.variants = {variant.label: variant for variant in variants}

    def parameter_name(self, label: str, path: str) -> str:
        """Return Optuna's name of a knob: its path, prefixed by the variant if ranges differ.

        Optuna requires one distribution per name.
        """
        mine = self.variants[label].searched[path]
        others = [v.searched[path] for v in self.variants.values() if path in v.searched]
        return (
            path
            if all(format_domain(each) == format_domain(mine) for each in others)
            else f"{label}: {path}"
        )

    def grid_cells(self) -> Iterator[dict[str, object]]:
        """Yield every combination of listed values by Optuna's names; the last varies fastest."""
        for label, variant in self.variants.items():
            named = {
                self.parameter_name(label, path): choice_labels(d)
                for path, d in variant.searched.items()
            }
            for cell in itertools.product(*named.values()):
                yield self.variant_choice(label) | dict(zip(named, cell, strict=True))

    def variant_choice(self, label: str) -> dict[str, str]:
        """Return the variant as a parameter; empty if there is only one."""
        return {VARIANT: label} if len(self.variants) > 1 else {}

    def suggest(self, trial: optuna.Trial) -> dict[str, object]:
        """Return the groups of a trial, and the label of its variant."""
        label = next(iter(self.variants))
        if len(self.variants) > 1:
            label = trial.suggest_categorical(VARIANT, list(self.variants))
        variant = self.variants[label]
        config: dict[str, Any] = {group: dict(knobs) for group, knobs in variant.fixed.items()}
        for path, domain in variant.searched.items():
            group, knob = path.split(".")
            config.setdefault(group, {})[knob] = suggest_value(
                trial, self.parameter_name(label, path), domain
            )
        return config | {VARIANT: label}

    def matching_variant(
        self, groups: Mapping[str, Mapping[str, object]], preferred: object = None
    ) -> str | None:
        """Return the label of a variant that contains a configuration, or `None`.

        Args:
            groups: Group to member and knobs.
            preferred: The label to prefer if several match.
        """
        matches = [
            label for label, v in self.variants.items() if not any(variant_mismatches(v, groups))
        ]
        return str(preferred) if preferred in matches else next(iter(matches), None)

    def encode_config(
        self, label: str, groups: Mapping[str, Mapping[str, object]]
    ) -> tuple[dict[str, object], dict[str, BaseDistribution]]:
        """Return a configuration of a variant as parameters, and their distributions."""
        params: dict[str, object] = dict(self.variant_choice(label))
        ranges: dict[str, BaseDistribution] = {
            name: CategoricalDistribution(list(self.variants)) for name in params
        }
        for path, domain in self.variants[label].searched.items():
            group, knob = path.split(".")
            name = self.parameter_name(label, path)
            params[name], ranges[name] = (
                encode_value(domain, groups[group][knob]),
                to_distribution(domain),
            )
        return params, ranges


def variant_mismatches(
    variant: Variant, groups: Mapping[str, Mapping[str, object]]
) -> Iterator[str]:
    """Yield why a variant does not contain a configuration."""
    there, here = (
        flatten_groups(tuples_to_lists(groups)),
        flatten_groups(tuples_to_lists(variant.fixed)),
    )
    for path in {**here, **there}:
        domain = variant.searched.get(path)
        if domain is None and (path not in there or path not in here):
            yield f"{path} is set {'there' if path in there else 'here'} alone"
        elif domain is None and there[path] != here[path]:
            yield f"{path} is {there[path]} there and {here[path]} here"
        elif domain is not None and not contains(domain, there[path]):
            yield f"{path} is outside {format_domain(domain)}"


def to_distribution(domain: object) -> BaseDistribution:
    """Return the Optuna distribution of a Ray domain.

    For a domain with a step, Optuna draws the multiple. Its own steps differ from Ray's: they count
    from the low end, and log distributions ignore them.
    """
    if labels := choice_labels(domain):
        return CategoricalDistribution(list(labels))
    log = isinstance(base_sampler(domain), LogUniform)
    if ends := domain_index_range(domain):
        return IntDistribution(*ends, log=log)
    limits = as_range(domain)
    return FloatDistribution(limits.lower, limits.upper, log=log)


def suggest_value(trial: optuna.Trial, name: str, domain: object) -> object:
    """Return a trial's value in a Ray domain; `name` is that of Optuna's parameter."""
    distribution = to_distribution(domain)
    if isinstance(distribution, CategoricalDistribution):
        return choice_labels(domain)[trial.suggest_categorical(name, distribution.choices)]
    if isinstance(distribution, IntDistribution):
        return value_at(
            domain,
            trial.suggest_int(name, distribution.low, distribution.high, log=distribution.log),
        )
    assert isinstance(distribution, FloatDistribution)
    return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)


def encode_value(domain: object, value: Any) -> ChoiceKey:  # noqa: ANN401
    """Return the Optuna value of a value in a domain."""
    if labels := choice_labels(domain):
        return next(label for label, each in labels.items() if are_equal(each, value))
    return round(value / (domain_step(domain) or 1)) if domain_index_range(domain) else float(value)


def choice_labels(domain: object) -> dict[ChoiceKey, object]:
    """Return each listed value by its Optuna label; empty if values are not listed."""
    return {choice_key(value): value for value in list_values(domain) or []}
