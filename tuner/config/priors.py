"""Priors of searched knobs: a value that is probably good, and how far off it may be.

A prior belongs to a domain. Only `searcher=priorband` uses it; to every other searcher the domain
is what it would be without one.
"""

import copy
from collections.abc import Iterator
from dataclasses import dataclass

from ray.tune.search.sample import Domain, LogUniform

from tuner.config.domains import (
    base_sampler,
    contains,
    format_domain,
    format_exact_number,
    is_number,
    list_values,
)

ATTRIBUTE = "attuner_prior"
"""Attribute of a Ray Tune domain that holds its prior."""


@dataclass(frozen=True)
class KnobPrior:
    """A prior of one knob.

    Attributes:
        centre: The most probable value.
        spread: On a logarithmic range the factor that is one standard deviation, above 1; on a
            linear range the standard deviation, above 0; for listed values the probability of
            `centre`, between 0 and 1.
    """

    centre: object
    spread: float


def attach_prior(domain: Domain, prior: KnobPrior) -> Domain:
    """Return a copy of a domain with a prior."""
    result = copy.copy(domain)
    setattr(result, ATTRIBUTE, prior)
    return result


def find_prior(domain: object) -> KnobPrior | None:
    """Return the prior of a domain; `None`: it has none."""
    prior: KnobPrior | None = getattr(domain, ATTRIBUTE, None)
    return prior


def is_logarithmic(domain: object) -> bool:
    """Return whether a domain is a logarithmic range."""
    return list_values(domain) is None and isinstance(base_sampler(domain), LogUniform)


def check_prior(prior: KnobPrior, domain: object) -> Iterator[str]:
    """Yield the problem of a prior over a valid domain; each is the end of a sentence."""
    spread, shown = prior.spread, format_domain(domain)
    if list_values(domain) is not None:
        unit, is_valid = "a probability, above 0 and below 1, for", 0 < spread < 1
    elif is_logarithmic(domain):
        unit, is_valid = "a factor above 1 on the logarithmic range", spread > 1
    else:
        unit, is_valid = "a standard deviation above 0 on the linear range", spread > 0
    if not contains(domain, prior.centre):
        yield f"needs a value in {shown}, got {prior.centre}."
    if not is_valid:
        yield f"needs a spread that is {unit} {shown}, got {format_exact_number(spread)}."


def format_with_prior(domain: object) -> str:
    """Format a domain as it is typed, with its prior if it has one."""
    prior, text = find_prior(domain), format_domain(domain)
    if prior is None:
        return text
    centre = format_exact_number(prior.centre) if is_number(prior.centre) else str(prior.centre)
    return f"prior({centre}, {format_exact_number(prior.spread)}, {text})"
