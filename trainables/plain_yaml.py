"""YAML that holds plain values and no more of them than its text: what a stranger wrote is read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

DEEPEST, MOST = 50, 1_000_000
"""Levels and values: of studies of thousands of variants, far below what takes a program down."""
PLAIN = (str, int, float, bool, type(None))


class Loader(yaml.SafeLoader):
    """PyYAML's, which would double a mapping with each line that merges another into it twice."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Leave a mapping as it is written.

        Raises:
            ConstructorError: If it merges others.
        """
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, "merges other mappings")


def read(file: Path) -> Any:  # noqa: ANN401
    """Return what a file says, as `parsed` does.

    Raises:
        YAMLError: If it says anything else, or its aliases stand for too much.
    """
    return parsed(file.read_text())


def parsed(text: str) -> object:
    """Return what a text says: lists and mappings of text and numbers.

    Raises:
        YAMLError: If it says anything else, or its aliases stand for too much.
    """
    try:
        found = yaml.load(text, Loader)
    except yaml.YAMLError:
        raise
    except (ValueError, RecursionError, LookupError, TypeError) as error:  # numbers that are none
        raise yaml.YAMLError(f"{type(error).__name__}: {error}") from None
    if weight(found, {}, 0) > MOST:
        raise yaml.YAMLError(f"stands for more than {MOST} values")
    return found


def weight(value: object, known: dict[int, int], depth: int) -> int:
    """Return how many values one stands for, each as often as an alias repeats it.

    Args:
        value: Plain values, nested.
        known: The weight of those that were met before, by identity.
        depth: Of the value.

    Raises:
        YAMLError: If it is not plain, or lies too deep, as in itself.
    """
    if depth > DEEPEST:
        raise yaml.YAMLError(f"is nested more than {DEEPEST} deep")
    if isinstance(value, PLAIN):
        return 1
    if not isinstance(value, dict | list):
        raise yaml.YAMLError(f"holds {value!r}, neither text nor number")
    if id(value) not in known:
        parts: Iterable[object] = [*value, *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(weight(each, known, depth + 1) for each in parts)
    return known[id(value)]
