"""Parse typed values: numbers, fractions such as 8/255, comma-separated lists, grids."""

import re
from collections.abc import Iterable
from typing import Annotated, TypedDict, TypeGuard

from pydantic import AfterValidator, BeforeValidator

from trainables.hparams.ranges import PathText
from trainables.hparams.trusted_code import is_code_file

FRACTION = re.compile(r"\s*(-?[\d.]+(?:e-?\d+)?)\s*/\s*([\d.]+(?:e-?\d+)?)\s*")


def comma_list(value: object) -> object:
    """Split a text at commas; return other types unchanged.

    >>> comma_list("pgd_10, square")
    ['pgd_10', 'square']
    """
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else value


def none_as_empty(value: object) -> object:
    """Return an empty tuple for `None`; other values unchanged."""
    return () if value is None else value


CommaList = BeforeValidator(comma_list)
"""Validator of a key that takes several words."""
OptionalCommaList = BeforeValidator(lambda value: comma_list(none_as_empty(value)))
"""The same for a key that may be none: an empty tuple."""


def valid_columns(pairs: tuple[str, ...]) -> tuple[str, ...]:
    """Return `pairs` if all are NAME:COLUMN and no name comes twice.

    Raises:
        ValueError: If one is not.
    """
    names = [pair.partition(":")[0] for pair in pairs]
    if not all(all(pair.partition(":")) for pair in pairs) or len({*names}) < len(names):
        raise ValueError(
            "must be pairs NAME:COLUMN separated by commas, such as epoch:Step,val_robust_acc:pgd"
        )
    return pairs


def parse_columns(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return the name of a column in this project to its name in a table.

    >>> parse_columns(("epoch:Step", "val_robust_acc:val/pgd: acc"))
    {'epoch': 'Step', 'val_robust_acc': 'val/pgd: acc'}
    """
    return {name: column for name, _, column in (pair.partition(":") for pair in pairs)}


ColumnPairs = Annotated[tuple[str, ...], OptionalCommaList, AfterValidator(valid_columns)]
"""Columns of a table of logs whose names do not say what they are."""


def valid_code_files(files: tuple[str, ...]) -> tuple[str, ...]:
    """Return `files` if all are Python files.

    Raises:
        ValueError: If one is not.
    """
    if not all(map(is_code_file, files)):
        raise ValueError("must be files that end in .py, separated by commas")
    return files


TrustedFiles = Annotated[tuple[PathText, ...], OptionalCommaList, AfterValidator(valid_code_files)]
"""Python files that may be imported if a results folder names them."""


def parse_value(value: object) -> object:
    """Convert the fractions in a typed value to numbers.

    Raises:
        ValueError: If a fraction is invalid.

    >>> parse_value("8/255"), parse_value("pgd"), parse_value([1, "1/2"])
    (0.03137254901960784, 'pgd', [1, 0.5])
    """
    if isinstance(value, list):
        return [parse_value(item) for item in value]
    if isinstance(value, str) and (match := FRACTION.fullmatch(value)):
        return parse_fraction(value, *match.groups())
    return value


def parse_fraction(text: str, numerator: str, denominator: str) -> float:
    """Return `numerator` / `denominator`.

    Raises:
        ValueError: If the fraction is invalid.
    """
    try:
        return float(numerator) / float(denominator)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"expected a fraction such as 8/255, got {text}.") from None


class GridSearch(TypedDict):
    """Ray Tune's representation of a grid."""

    grid_search: Iterable[object]


def is_grid(value: object) -> TypeGuard[GridSearch]:
    """Return whether `value` is a grid, as `ray.tune.grid_search` returns it."""
    return isinstance(value, dict) and set(value) == {"grid_search"}
