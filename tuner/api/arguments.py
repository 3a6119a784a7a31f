"""Read keys that are given as Python values, as the command line reads words."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

import numpy as np

from tuner.cli.parse import (
    CommandLine,
    Vocabulary,
    check_key,
    merge_nested,
    nest_value,
    parse_argument,
)
from tuner.cli.values import is_grid
from tuner.config.domain_parser import check_domain
from tuner.config.domains import format_exact_number, is_domain
from tuner.config.priors import format_with_prior

KNOBS = "knobs"
"""The keyword whose value is a mapping of further keys, such as those with dots."""


def read_arguments(
    keys: Mapping[str, object], vocabulary: Vocabulary, *, folders: tuple[str, ...] = ()
) -> CommandLine:
    """Return keys and values as a parsed command line with the same meaning.

    Args:
        keys: Values by key. A text means what it means on the command line. A group may be a
            mapping, `method={"name": "trades", "beta": 6}`; `knobs` is a mapping of further keys.
        vocabulary: The keys and groups that are accepted.
        folders: Results folders or their addresses.

    Returns:
        The parsed command line. Its words are what one would type for the valid keys.
    """
    given = list(flatten_keys(keys, vocabulary))
    arguments: dict[str, object] = {}
    problems: list[str] = []
    words: list[str] = []
    for key, value in given:
        if complaint := check_key(key, vocabulary):
            problems.append(complaint)
            continue
        try:
            merge_nested(arguments, read_argument(key, value, vocabulary))
            words.append(f"{key}={format_typed(value)}")
        except ValueError as error:
            problems.append(f"{key}: {error}")
    counts = Counter(key for key, _ in given)
    problems += [f"{key}: given {n} times; give it once." for key, n in counts.items() if n > 1]
    return CommandLine(
        words=tuple(words),
        folders=folders,
        arguments=arguments,
        problems=tuple(problems),
    )


def flatten_keys(
    keys: Mapping[str, object], vocabulary: Vocabulary
) -> Iterator[tuple[str, object]]:
    """Yield keys and values, with the mappings of groups and of `knobs` taken apart."""
    for key, value in keys.items():
        if not isinstance(value, Mapping) or is_grid(value):
            yield key, value
        elif key == KNOBS:
            yield from flatten_keys({str(path): each for path, each in value.items()}, vocabulary)
        elif key in vocabulary.groups:
            for knob, each in value.items():
                yield key if knob == "name" else f"{key}.{knob}", each
        else:
            yield key, value


def read_argument(key: str, value: object, vocabulary: Vocabulary) -> dict[str, object]:
    """Return one argument as a nested dictionary.

    Raises:
        ValueError: If the value has a type that no key takes, or is an invalid text or domain.
    """
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("expected a value, got an empty text.")
        return parse_argument(key, f"{key}={value}", vocabulary)
    if isinstance(value, Path):
        is_code = key in vocabulary.groups and value.suffix == ".py"
        # trials import the file from other working directories
        path = os.path.abspath(value.expanduser()) if is_code else str(value)
        return nest_value(key, path, vocabulary)
    return nest_value(key, read_value(value, vocabulary), vocabulary)


def read_value(value: object, vocabulary: Vocabulary) -> object:
    """Return a number, list or domain as the command line would read it.

    Raises:
        ValueError: If it is something else, or an invalid domain.
    """
    if is_domain(value):
        for flaw in check_domain(value):
            raise ValueError(flaw)
        return value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return read_value(value.tolist(), vocabulary)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, list | tuple | range):
        return [
            vocabulary.parse(item) if isinstance(item, str) else read_value(item, vocabulary)
            for item in value
        ]
    raise ValueError(
        f"expected text, a number, a list or a domain such as tune.loguniform(1e-5, 1e-2), got "
        f"{value!r}."
    )


def format_typed(value: object) -> str:
    """Return a valid value as one would type it on the command line.

    >>> format_typed(None), format_typed(True), format_typed((0.5, 1e-5)), format_typed("8/255")
    ('none', 'true', '[0.5,1e-05]', '8/255')
    """
    if isinstance(value, str | Path):
        return str(value)
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if is_domain(value):
        return format_with_prior(value)
    if isinstance(value, np.generic | np.ndarray):
        return format_typed(value.tolist())
    if isinstance(value, timedelta):
        return format_typed(value.total_seconds())
    if isinstance(value, list | tuple | range):
        return f"[{','.join(map(format_typed, value))}]"
    return format_exact_number(value)
