"""Number types that carry the range a knob may take; pydantic holds values to them."""

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from trainables.io.remote_files import is_url

MAX_COUNT = 10**9
"""Of anything that is counted: more is a slip, and overflows somewhere."""


def valid_count(number: int) -> int:
    """Return `number`.

    Raises:
        ValueError: If it is too large to count to.
    """
    if number > MAX_COUNT:
        raise ValueError(f"must be at most {MAX_COUNT}")
    return number


def valid_milestones(milestones: tuple[float, ...]) -> tuple[float, ...]:
    """Return `milestones`.

    Raises:
        ValueError: If they do not ascend.
    """
    if sorted(set(milestones)) != list(milestones):
        raise ValueError("moments must ascend")
    return milestones


def absolute_path(path: Path | str) -> Path:
    """Return a path in full; homes of nobody, and links in a circle, stay as they are."""
    return Path(os.path.realpath(os.path.expanduser(path)))


def valid_path(text: str) -> str:
    """Return a path in full.

    Raises:
        ValueError: If there can be no such path.
    """
    try:
        path = Path(text).expanduser().resolve()
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"must be a path that can be looked up ({reason})") from None
    return str(path)


def valid_location(text: str) -> str:
    """Return a path in full, or the address of a folder elsewhere.

    Raises:
        ValueError: If there can be no such path, or an address holds keys.
    """
    if not is_url(text):
        return valid_path(text)
    if urlsplit(text).password is not None:  # search.yaml would tell everybody
        raise ValueError("must not hold keys; put them into the environment")
    return text


NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
AtLeastOne = Annotated[float, Field(ge=1, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
OpenFraction = Annotated[float, Field(gt=0, lt=1)]
FractionBelowOne = Annotated[float, Field(ge=0, lt=1)]
Natural = Annotated[int, Field(ge=0), AfterValidator(valid_count)]
Count = Annotated[int, Field(ge=1), AfterValidator(valid_count)]
AtLeastTwo = Annotated[int, Field(ge=2), AfterValidator(valid_count)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Milestones = Annotated[tuple[Fraction, ...], AfterValidator(valid_milestones)]
"""Shares of the run, each later than the last."""
PathText = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(valid_path)]
"""A path; absolute once validated, because a trial does not run where the command was typed."""
Location = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(valid_location)]
"""A path, or the address of a folder elsewhere."""
