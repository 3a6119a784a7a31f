"""Durations and sizes as they are typed: 90, 30m, 12h, 2d; 500MB, 20GB, 2GiB."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def number(text: str, expected: str) -> float:
    """Return the number that a text spells.

    Raises:
        ValueError: If it spells none; the message says what is expected.
    """
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"must be {expected}") from None


def seconds(value: object) -> object:
    """Return a duration such as 90, 30m or 12h in seconds.

    Raises:
        ValueError: If it is text and neither.

    >>> seconds("1.5h")
    5400.0
    """
    if not isinstance(value, str):
        return value
    if match := re.fullmatch(r"(\d+(?:\.\d*)?)([smhd])", value):
        return float(match[1]) * UNITS[match[2]]
    return number(value, "seconds, or such as 30m, 12h or 2d")


def size(value: object) -> object:
    """Return a size such as 500MB, 20GB or 1TB in bytes; units are powers of 1000, GiB of 1024.

    Raises:
        ValueError: If it is text and neither a size nor a number.

    >>> size("1.5GB"), size("2GiB")
    (1500000000.0, 2147483648.0)
    """
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"(\d+(?:\.\d*)?) ?([kKMGT])(i?)B", value)
    if not match:
        return number(value, "bytes, or such as 500MB, 20GB or 1TB")
    return float(match[1]) * (1024 if match[3] else 1000) ** POWERS[match[2].upper()]


Duration = Annotated[float, BeforeValidator(seconds), Field(gt=0)]
Size = Annotated[float, BeforeValidator(size), Field(gt=0, allow_inf_nan=False)]
