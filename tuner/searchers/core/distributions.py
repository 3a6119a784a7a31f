"""What a study searches, in Optuna's words: a name, a distribution and a value for each knob."""

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
    are_equal,
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
    """What trials choose among.

    Attributes:
        variants: The alternatives by their label.
    """

    def __init__(self, variants: Sequence[Variant]) -> None:
        self.variants = {variant.label: variant for variant in variants}

    def parameter_name(self, label: str, path: str) -> str:
        """Return Optuna's name for a knob: its path, and where variants differ, of which it is.

        To Optuna a name has one range for ever.
        """
        mine = self.variants[label].searched[path]
        others = [v.searched[path] for v in self.variants.values() if path in v.searched]
        return (
            path
            if all(format_domain(each) == format_domain(mine) for each in others)
            else f"{label}: {path}"
        )

    def grid_cells(self) -> Iterator[dict[str, object]]:
        """Yield every combination of listed values by Optuna's names, the last fastest."""
        for label, variant in self.variants.items():
            named = {
                self.parameter_name(label, path): choice_labels(d)
                for path, d in variant.searched.items()
            }
            for cell in itertools.product(*named.values()):
                yield self.variant_choice(label) | dict(zip(named, cell, strict=True))

    def variant_choice(self, label: str) -> dict[str, str]:
        """Return the choice of a variant as a parameter, if there is a choice."""
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
        """Return the label of the variant that a configuration could be drawn from, if any.

        Args:
            groups: Group to member and knobs.
            preferred: The label to prefer where several would do.
        """
        found = [
            label for label, v in self.variants.items() if not any(variant_mismatches(v, groups))
        ]
        return str(preferred) if preferred in found else next(iter(found), None)

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
    """Yield why a configuration could not be drawn from a variant."""
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


def to_distribution(domain: Any) -> BaseDistribution:  # noqa: ANN401
    """Return what Optuna draws from for a domain of Ray's.

    Of a domain with a step Optuna is asked which multiple, for what it would do with the step
    itself is not what Ray does: it counts from the low end, and drops the step where it is log.
    """
    if labels := choice_labels(domain):
        return CategoricalDistribution(list(labels))
    log = isinstance(base_sampler(domain), LogUniform)
    if found := domain_index_range(domain):
        return IntDistribution(*found, log=log)
    return FloatDistribution(domain.lower, domain.upper, log=log)


def suggest_value(trial: optuna.Trial, name: str, domain: object) -> object:
    """Return what a trial takes from Ray's domain, under Optuna's `name` for it."""
    found = to_distribution(domain)
    if isinstance(found, CategoricalDistribution):
        return choice_labels(domain)[trial.suggest_categorical(name, found.choices)]
    if isinstance(found, IntDistribution):
        return value_at(domain, trial.suggest_int(name, found.low, found.high, log=found.log))
    assert isinstance(found, FloatDistribution)
    return trial.suggest_float(name, found.low, found.high, log=found.log)


def encode_value(domain: Any, value: Any) -> Any:  # noqa: ANN401
    """Return what Optuna would have drawn for a value that a domain holds."""
    if labels := choice_labels(domain):
        return next(label for label, each in labels.items() if are_equal(each, value))
    return round(value / (domain_step(domain) or 1)) if domain_index_range(domain) else float(value)


def choice_labels(domain: Any) -> dict[Any, Any]:  # noqa: ANN401
    """Return each listed value by what Optuna may call it; nothing if values are not listed."""
    return {choice_key(value): value for value in list_values(domain) or []}
