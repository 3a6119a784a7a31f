"""Number types that carry the range a knob may take; pydantic holds values to them."""

import os
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from trainables.address import is_address

MOST = 10**9
"""Of anything that is counted: more is a slip, and overflows somewhere."""


def countable(number: int) -> int:
    """Return `number`.

    Raises:
        ValueError: If it is too large to count to.
    """
    if number > MOST:
        raise ValueError(f"must be at most {MOST}")
    return number


def ascending(moments: tuple[float, ...]) -> tuple[float, ...]:
    """Return `moments`.

    Raises:
        ValueError: If they do not ascend.
    """
    if sorted(set(moments)) != list(moments):
        raise ValueError("moments must ascend")
    return moments


def in_full(path: Path | str) -> Path:
    """Return a path in full; homes of nobody, and links in a circle, stay as they are."""
    return Path(os.path.realpath(os.path.expanduser(path)))


def absolute(text: str) -> str:
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


def somewhere(text: str) -> str:
    """Return a path in full, or the address of a folder elsewhere.

    Raises:
        ValueError: If there can be no such path, or an address holds keys.
    """
    if not is_address(text):
        return absolute(text)
    if urlsplit(text).password is not None:  # search.yaml would tell everybody
        raise ValueError("must not hold keys; put them into the environment")
    return text


Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Overshoot = Annotated[float, Field(ge=1, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Inside = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Natural = Annotated[int, Field(ge=0), AfterValidator(countable)]
Count = Annotated[int, Field(ge=1), AfterValidator(countable)]
Pair = Annotated[int, Field(ge=2), AfterValidator(countable)]
Port = Annotated[int, Field(ge=0, le=65535)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Moments = Annotated[tuple[Fraction, ...], AfterValidator(ascending)]
"""Shares of the run, each later than the last."""
Folder = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(absolute)]
"""A path; absolute once validated, because a trial does not run where the command was typed."""
Place = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(somewhere)]
"""A path, or the address of a folder elsewhere."""
