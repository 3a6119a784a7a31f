"""Domain of a knob, read from `search.yaml` or else inferred from its values."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TypeGuard

import numpy as np
import pandas as pd
import yaml

from tuner.storage.search_yaml import SearchYaml, variants_of

CALL_PATTERN = re.compile(r"([a-z]+)\((.*)\)", re.DOTALL)
MIN_LOG_SPREAD = 10.0
"""Ratio of the largest to the smallest positive value above which a log scale is assumed."""
MAX_LISTED = 5
"""At most this many different numbers are assumed to be a list of choices."""


@dataclass(frozen=True)
class KnobDomain:
    """Values from which a knob was sampled.

    Attributes:
        values: All choices, numbers in ascending order; empty for a range.
        low: Low end of a range.
        high: High end of a range.
        is_log: Whether a range was drawn on a log scale.
    """

    values: tuple[object, ...] = ()
    low: float = 0.0
    high: float = 1.0
    is_log: bool = False

    @property
    def is_ordered(self) -> bool:
        """Whether all choices are numbers."""
        return all(map(is_number, self.values))

    def contains(self, values: Sequence[object]) -> bool:
        """Return whether all these values lie in the domain."""
        if self.values:
            return set(map(str, values)) <= set(map(str, self.values))
        return all(is_number(value) and self.low <= value <= self.high for value in values)

    def positions(self, column: Iterable[object]) -> np.ndarray:
        """Return positions of values: indices in the list, or in [0, 1] on a range's scale.

        Args:
            column: Values in the domain.
        """
        if self.values:
            order = {str(value): float(place) for place, value in enumerate(self.values)}
            return np.array([order[str(value)] for value in column])
        scale = np.log if self.is_log else np.asarray
        ends = (self.low, self.high, list(column))
        low, high, places = (scale(np.asarray(x, dtype=float)) for x in ends)
        return np.asarray((places - low) / (high - low))

    def order_by(self, column: Iterable[object], score: np.ndarray) -> "KnobDomain":
        """Return the domain with its choices in ascending order of their mean score.

        A choice without a trial has the mean score of all.

        Args:
            column: Values in the domain.
            score: Score of each.
        """
        mean = pd.Series(score).groupby(self.positions(column)).mean()
        means = mean.reindex(range(len(self.values)), fill_value=score.mean())
        return replace(self, values=tuple(self.values[i] for i in np.argsort(means, kind="stable")))

    def encode(self, column: Iterable[object]) -> np.ndarray:
        """Return values as model inputs in [0, 1], (n, d): one column, or one-hot for words."""
        places = self.positions(column)
        if self.values and not self.is_ordered:
            return np.asarray(np.eye(len(self.values))[places.astype(int)])
        return places[:, None] / max(1, len(self.values) - 1)


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a number; booleans are not."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def parse_domain(text: str) -> KnobDomain | None:
    """Return the domain that a text describes; `None` if it is not one.

    >>> parse_domain("loguniform(1e-05, 0.01)")
    KnobDomain(values=(), low=1e-05, high=0.01, is_log=True)
    >>> parse_domain("choice(b, a, null)").values, parse_domain("grid(200, 25)").values
    (('b', 'a', None), (25, 200))
    """
    match = CALL_PATTERN.fullmatch(text.strip())
    try:
        # YAML reads 1e-05 as text; only 1.0e-05 is a number
        inside = [*map(parse_number, yaml.safe_load(f"[{match[2]}]"))] if match else []
    except yaml.YAMLError:
        return None
    if not match or not inside:
        return None
    if match[1] in ("choice", "grid"):
        return list_domain(inside)
    numbers = [float(value) for value in inside if is_number(value)]
    if len(inside) < 2 or len(numbers) < len(inside):
        return None
    low, high = numbers[:2]
    return KnobDomain(low=low, high=high, is_log="log" in match[1])


def parse_number(item: object) -> object:
    """Return a text as a number if it is one, else unchanged."""
    try:
        return float(item) if isinstance(item, str) else item
    except ValueError:
        return item


def list_domain(values: Sequence[object]) -> KnobDomain:
    """Return the domain of these choices, numbers in ascending order."""
    numbers = [value for value in values if is_number(value)]
    return KnobDomain(values=tuple(sorted(numbers) if len(numbers) == len(values) else values))


def infer_domain(column: Sequence[object]) -> KnobDomain:
    """Infer a domain from values: a list, or a range from the smallest to the largest.

    >>> infer_domain([1e-4, 3e-4, 2e-3, 5e-3, 1e-2, 5e-2]).is_log
    True
    >>> infer_domain(["a", "b", "a"]).values
    ('a', 'b')
    """
    different = list(dict.fromkeys(column))
    numbers = [value for value in different if is_number(value)]
    if len(numbers) < len(different) or len(different) <= MAX_LISTED:
        return list_domain(different)
    low, high = min(numbers), max(numbers)
    return KnobDomain(low=low, high=high, is_log=low > 0 and high / low > MIN_LOG_SPREAD)


def find_domain(knob: str, column: Sequence[object], description: SearchYaml) -> KnobDomain:
    """Return the domain of a knob.

    Args:
        knob: Its path.
        column: Its values.
        description: `search.yaml`. If variants differ in the range, or values lie outside it, the
            domain is inferred from the values.
    """
    variants = variants_of(description).values()
    texts = {str(each.get("searched", {}).get(knob)) for each in variants} - {"None"}
    found = parse_domain(texts.pop()) if len(texts) == 1 else None
    return found if found and found.contains(column) else infer_domain(column)
