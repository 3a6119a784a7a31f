"""Configurations of a variant that stand for all of them where costs are asked for."""

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np
from ray.tune.search.sample import Integer, LogUniform

from tuner.config.domains import (
    base_sampler,
    boundary_values,
    domain_index_range,
    list_values,
    value_at,
)
from tuner.config.plan import Variant

MAX_CELLS = 8
"""Up to so many combinations of what costs depend on are looked at one by one."""
N_COST_DRAWS = 6
"""Of more, so many are drawn."""


def find_cost_knobs(variant: Variant) -> dict[str, object]:
    """Return the searched knobs that costs may depend on, path to domain.

    They are those that count and those with listed values: steps, batch sizes, widths, members. A
    range of real numbers, of learning rates say, costs the same wherever it is drawn from.
    """
    return {
        path: domain
        for path, domain in variant.searched.items()
        if list_values(domain) is not None or isinstance(domain, Integer)
    }


def sample_knob_values(variant: Variant, seed: int) -> Iterator[dict[str, object]]:
    """Yield values, path to value, whose mean cost is that of the variant.

    They are every combination if there are few, and random draws, from `seed`, if there are many.
    """
    domains = find_cost_knobs(variant)
    listings = [list_values(domain) for domain in domains.values()]
    known = [listing for listing in listings if listing is not None]
    if len(known) == len(listings) and math.prod(map(len, known)) <= MAX_CELLS:
        for cell in itertools.product(*known):
            yield dict(zip(domains, cell, strict=True))
        return
    rng = np.random.default_rng(seed)
    for _ in range(N_COST_DRAWS):
        yield {path: sample_from_domain(domain, rng) for path, domain in domains.items()}


def sample_from_domain(domain: object, rng: np.random.Generator) -> object:
    """Return a random value of a domain that lists its values or counts."""
    listing = list_values(domain)
    if listing is not None:
        return listing[int(rng.integers(len(listing)))]
    found = domain_index_range(domain)
    assert found is not None
    if isinstance(base_sampler(domain), LogUniform):
        low, high = map(math.log, found)
        return value_at(domain, round(math.exp(rng.uniform(low, high))))
    return value_at(domain, int(rng.integers(found[0], found[1] + 1)))


def extreme_knob_values(variant: Variant) -> Iterator[dict[str, object]]:
    """Yield the smallest values of all knobs that costs depend on, then the largest.

    Of values that are no numbers they are the first and the last that are listed.
    """
    for end in (0, -1):
        yield {
            path: sort_boundary_values(domain)[end]
            for path, domain in find_cost_knobs(variant).items()
        }


def sort_boundary_values(domain: object) -> list[object]:
    """Return values of a domain that reach its ends, in order if they are numbers."""
    found = list(boundary_values(domain))
    return sorted(found) if all(isinstance(each, int | float) for each in found) else found


def build_configuration(
    variant: Variant, chosen: Mapping[str, object]
) -> dict[str, dict[str, object]]:
    """Return the groups of a trial, with `chosen` for some of what is searched."""
    config = {group: dict(knobs) for group, knobs in variant.fixed.items()}
    for path, domain in variant.searched.items():
        group, knob = path.split(".")
        config[group][knob] = chosen[path] if path in chosen else next(boundary_values(domain))
    return config
