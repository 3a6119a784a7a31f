"""YAML that holds plain values and no more of them than its text: what a stranger wrote is read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

MAX_DEPTH, MAX_VALUES = 50, 1_000_000
"""Levels and values: of studies of thousands of variants, far below what takes a program down."""
SCALAR_TYPES = (str, int, float, bool, type(None))


class NoMergeLoader(yaml.SafeLoader):
    """PyYAML's, which would double a mapping with each line that merges another into it twice."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Leave a mapping as it is written.

        Raises:
            ConstructorError: If it merges others.
        """
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, "merges other mappings")


def read_yaml(file: Path) -> Any:  # noqa: ANN401
    """Return what a file says, as `parse_yaml` does.

    Raises:
        YAMLError: If it says anything else, or its aliases stand for too much.
    """
    return parse_yaml(file.read_text())


def parse_yaml(text: str) -> object:
    """Return what a text says: lists and mappings of text and numbers.

    Raises:
        YAMLError: If it says anything else, or its aliases stand for too much.
    """
    try:
        found = yaml.load(text, NoMergeLoader)
    except yaml.YAMLError:
        raise
    except (ValueError, RecursionError, LookupError, TypeError) as error:  # numbers that are none
        raise yaml.YAMLError(f"{type(error).__name__}: {error}") from None
    if count_values(found, {}, 0) > MAX_VALUES:
        raise yaml.YAMLError(f"stands for more than {MAX_VALUES} values")
    return found


def count_values(value: object, counts: dict[int, int], depth: int) -> int:
    """Return how many values one stands for, each as often as an alias repeats it.

    Args:
        value: Plain values, nested.
        counts: The weight of those that were met before, by identity.
        depth: Of the value.

    Raises:
        YAMLError: If it is not plain, or lies too deep, as in itself.
    """
    if depth > MAX_DEPTH:
        raise yaml.YAMLError(f"is nested more than {MAX_DEPTH} deep")
    if isinstance(value, SCALAR_TYPES):
        return 1
    if not isinstance(value, dict | list):
        raise yaml.YAMLError(f"holds {value!r}, neither text nor number")
    if id(value) not in counts:
        parts: Iterable[object] = [*value, *value.values()] if isinstance(value, dict) else value
        counts[id(value)] = 1 + sum(count_values(each, counts, depth + 1) for each in parts)
    return counts[id(value)]
