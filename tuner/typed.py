"""Values as a person types them: numbers, and fractions such as 8/255."""

import re
from collections.abc import Iterable
from typing import Annotated, TypedDict, TypeGuard

from pydantic import AfterValidator, BeforeValidator

from trainables.ranges import Folder
from trainables.trust import is_code

FRACTION = re.compile(r"\s*(-?[\d.]+(?:e-?\d+)?)\s*/\s*([\d.]+(?:e-?\d+)?)\s*")


def several(value: object) -> object:
    """Return words separated by commas as a list.

    >>> several("pgd_10, square")
    ['pgd_10', 'square']
    """
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else value


Several = BeforeValidator(several)
"""Of a key that takes more than one word."""


def of_code(files: tuple[str, ...]) -> tuple[str, ...]:
    """Return `files`.

    Raises:
        ValueError: If one is not code.
    """
    if not all(map(is_code, files)):
        raise ValueError("must be files that end in .py, separated by commas")
    return files


Trusted = Annotated[tuple[Folder, ...], Several, AfterValidator(of_code)]
"""Files of code that may be imported where results name them."""


def plain(value: object) -> object:
    """Return what a typed value stands for, where none is searched.

    Raises:
        ValueError: If it looks like a fraction and is none; the message says why.

    >>> plain("8/255"), plain("pgd"), plain([1, "1/2"])
    (0.03137254901960784, 'pgd', [1, 0.5])
    """
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and (match := FRACTION.fullmatch(value)):
        return fraction(value, *match.groups())
    return value


def fraction(text: str, over: str, under: str) -> float:
    """Return the number that `over` / `under` is.

    Raises:
        ValueError: If it is none.
    """
    try:
        return float(over) / float(under)
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"expected a fraction such as 8/255, got {text}.") from None


class GridSearch(TypedDict):
    """Ray's notation of a grid."""

    grid_search: Iterable[object]


def is_grid(value: object) -> TypeGuard[GridSearch]:
    """Return whether `value` is a grid: Ray's own notation is a dictionary."""
    return isinstance(value, dict) and set(value) == {"grid_search"}
