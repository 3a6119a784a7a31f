"""Choose representative configurations of a variant for cost estimates."""

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
"""Up to this many combinations of cost knobs are all used."""
N_COST_DRAWS = 6
"""Number of random draws if there are more combinations."""


def find_cost_knobs(variant: Variant) -> dict[str, object]:
    """Return the domains of searched knobs that may affect cost, by path.

    They are integer and listed knobs: steps, batch sizes, widths. A continuous range, for example
    of learning rates, does not affect cost.
    """
    return {
        path: domain
        for path, domain in variant.searched.items()
        if list_values(domain) is not None or isinstance(domain, Integer)
    }


def sample_knob_values(variant: Variant, seed: int) -> Iterator[dict[str, object]]:
    """Yield knob values by path whose mean cost estimates that of the variant.

    They are all combinations if there are at most `MAX_CELLS`, else random draws from `seed`.
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
    """Return a random value of an integer or listed domain."""
    listing = list_values(domain)
    if listing is not None:
        return listing[int(rng.integers(len(listing)))]
    indices = domain_index_range(domain)
    assert indices is not None
    if isinstance(base_sampler(domain), LogUniform):
        low, high = map(math.log, indices)
        return value_at(domain, round(math.exp(rng.uniform(low, high))))
    return value_at(domain, int(rng.integers(indices[0], indices[1] + 1)))


def extreme_knob_values(variant: Variant) -> Iterator[dict[str, object]]:
    """Yield the smallest values of all knobs that affect cost, then the largest.

    Of values that are not numbers, the first and the last listed are used.
    """
    for end in (0, -1):
        yield {
            path: sort_boundary_values(domain)[end]
            for path, domain in find_cost_knobs(variant).items()
        }


def sort_boundary_values(domain: object) -> list[object]:
    """Return the boundary values of a domain, sorted if they are numbers."""
    values = list(boundary_values(domain))
    return sorted(values) if all(isinstance(v, int | float) for v in values) else values


def build_configuration(
    variant: Variant, chosen: Mapping[str, object]
) -> dict[str, dict[str, object]]:
    """Return the groups of a trial; searched knobs not in `chosen` get their first value."""
    config = {group: dict(knobs) for group, knobs in variant.fixed.items()}
    for path, domain in variant.searched.items():
        group, knob = path.split(".")
        config[group][knob] = chosen[path] if path in chosen else next(boundary_values(domain))
    return config
