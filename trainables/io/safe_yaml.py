"""Safe reading of YAML from untrusted sources: plain values only, and limited aliases."""

from collections.abc import Iterable
from pathlib import Path

import yaml

MAX_DEPTH, MAX_VALUES = 50, 1_000_000
"""Maximum depth and number of values: enough for thousands of variants, small in memory."""
SCALAR_TYPES = (str, int, float, bool, type(None))


class NoMergeLoader(yaml.SafeLoader):
    """PyYAML's safe loader without merge keys, whose repetition grows mappings exponentially."""

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Check that a mapping has no merge keys.

        Raises:
            ConstructorError: If it merges other mappings.
        """
        for key, _ in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(None, None, "merges other mappings")


def read_yaml(file: Path) -> object:
    """Return the content of a YAML file; see `parse_yaml`.

    Raises:
        YAMLError: If the content is not plain or too large.
    """
    return parse_yaml(file.read_text())


def parse_yaml(text: str) -> object:
    """Return the content of a YAML text: lists and mappings of text and numbers.

    Raises:
        YAMLError: If the content is not plain, or its aliases expand to too many values.
    """
    try:
        value = yaml.load(text, NoMergeLoader)
    except yaml.YAMLError:
        raise
    except (ValueError, RecursionError, LookupError, TypeError) as error:  # e.g. an invalid date
        raise yaml.YAMLError(f"{type(error).__name__}: {error}") from None
    if count_values(value, {}, 0) > MAX_VALUES:
        raise yaml.YAMLError(f"expands to more than {MAX_VALUES} values")
    return value


def count_values(value: object, counts: dict[int, int], depth: int) -> int:
    """Return the number of values that a nested value contains, with aliases expanded.

    Args:
        value: Nested plain values.
        counts: Counts of the lists and mappings visited so far, by identity; updated.
        depth: Nesting level of `value`.

    Raises:
        YAMLError: If the value is not plain or nested too deep; a cycle is infinitely deep.
    """
    if depth > MAX_DEPTH:
        raise yaml.YAMLError(f"is nested more than {MAX_DEPTH} deep")
    if isinstance(value, SCALAR_TYPES):
        return 1
    if not isinstance(value, dict | list):
        raise yaml.YAMLError(f"holds {value!r}, neither text nor number")
    if id(value) not in counts:
        parts: Iterable[object] = [*value, *value.values()] if isinstance(value, dict) else value
        counts[id(value)] = 1 + sum(count_values(part, counts, depth + 1) for part in parts)
    return counts[id(value)]
