"""Parse durations (90, 30m, 2h30m, 2d) and sizes (500MB, 20G, 2GiB)."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

SIZE_POWERS = {"K": 1, "M": 2, "G": 3, "T": 4}
SECONDS_PER_UNIT = {"s": 1, "sec": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}
DURATION_PART = re.compile(r"(\d+(?:\.\d*)?)\s*(sec|s|min|m|h|d)\s*")


def parse_number(text: str, expected: str) -> float:
    """Return a text as a number.

    Raises:
        ValueError: If it is no number; the message names `expected`.
    """
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"must be {expected}") from None


def parse_duration(value: object) -> object:
    """Return a duration such as 90, 90min or 2h30m in seconds; other types unchanged.

    Raises:
        ValueError: If a text is not a duration.

    >>> parse_duration("1.5h"), parse_duration("2h30m"), parse_duration("90min")
    (5400.0, 9000.0, 5400.0)
    """
    if not isinstance(value, str):
        return value
    if re.fullmatch(f"(?:{DURATION_PART.pattern})+", value):
        parts = DURATION_PART.findall(value)
        return sum(float(number) * SECONDS_PER_UNIT[unit] for number, unit in parts)
    return parse_number(value, "seconds, or such as 30m, 2h30m or 2d")


def parse_size(value: object) -> object:
    """Return a size such as 500MB, 20G or 1TB in bytes; other types unchanged.

    Units are powers of 1000; KiB, MiB, GiB and TiB are powers of 1024.

    Raises:
        ValueError: If a text is not a size.

    >>> parse_size("1.5GB"), parse_size("2GiB")
    (1500000000.0, 2147483648.0)
    """
    if not isinstance(value, str):
        return value
    # pydantic.ByteSize takes 1.GB for 1 byte and 20Gb for 20 gigabytes, and refuses 2Gi and 1e9
    match = re.fullmatch(r"(\d+(?:\.\d*)?) ?([kKMGT])(i?)B?", value)
    if not match:
        return parse_number(value, "bytes, or such as 500MB, 20GB or 1TB")
    return float(match[1]) * (1024 if match[3] else 1000) ** SIZE_POWERS[match[2].upper()]


Duration = Annotated[float, BeforeValidator(parse_duration), Field(gt=0, allow_inf_nan=False)]
ByteSize = Annotated[float, BeforeValidator(parse_size), Field(gt=0, allow_inf_nan=False)]
