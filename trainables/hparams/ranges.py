"""Types with ranges for the annotations of knobs; pydantic validates values against them."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from trainables.credentials import credential_variables, has_credentials
from trainables.io.addresses import is_url

MAX_COUNT = 10**9
"""Largest count; a larger one is a typing error and would overflow later."""


def valid_count(number: int) -> int:
    """Return `number`.

    Raises:
        ValueError: If it exceeds `MAX_COUNT`.
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
        raise ValueError("milestones must ascend")
    return milestones


def absolute_path(path: Path | str) -> Path:
    """Return the absolute path; unknown home folders and circular links are left as they are."""
    return Path(os.path.realpath(os.path.expanduser(path)))


def valid_path(text: str) -> str:
    """Return the absolute path.

    Raises:
        ValueError: If the path cannot exist.
    """
    try:
        path = Path(text).expanduser().resolve()
        is_device = path.exists() and not (path.is_file() or path.is_dir())
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"must be a valid path ({reason})") from None
    if is_device:  # /dev/zero has no end, and a pipe may never have one
        raise ValueError("must be a file or a folder")
    return str(path)


def valid_location(text: str) -> str:
    """Return the absolute path, or the address of a remote folder.

    Raises:
        ValueError: If the path cannot exist, or the address contains credentials.
    """
    if not is_url(text):
        return valid_path(text)
    if has_credentials(text):  # search.yaml would publish them
        raise ValueError(f"must not hold keys; put them into {credential_variables(text)}")
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
"""Shares of the run in ascending order."""
PathText = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(valid_path)]
"""A path; validation makes it absolute, because a trial runs in another working directory."""
Location = Annotated[str, Field(coerce_numbers_to_str=True), AfterValidator(valid_location)]
"""A path, or the address of a remote folder."""
PrecisionChoice = Literal["auto", "fp32", "tf32", "bf16"]
"""Precision of training; "auto" is bf16 on GPUs that support it, else fp32."""
