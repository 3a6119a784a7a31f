"""What a line of a study's account must say, whoever has written it."""

import re
from collections.abc import Container, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from trainables.problems import expected
from trainables.ranges import MOST
from trainables.report import Report
from tuner.inside import astray

NUMBER = re.compile(r"[0-9]{4,9}(s[0-9]{1,9})?")
"""Of a trial, and of its seed where it is not the first."""
Groups = dict[str, dict[str, object]]


def below(path: str) -> str:
    """Return `path`.

    Raises:
        ValueError: If it is none below the results folder.
    """
    if flaw := astray(path):
        raise ValueError(flaw)
    return path


def countable(report: Report) -> Report:
    """Return `report`.

    Raises:
        ValueError: If it counts what nobody has counted.
    """
    counts = report.epoch, report.level, report.collapsed_at, report.micro_batch or 0
    if not all(0 <= count <= MOST for count in counts):
        raise ValueError(f"must count from 0 to {MOST}, got {max(counts, key=abs)}")
    return report


Below = Annotated[str, AfterValidator(below)]


class Began(TypedDict):
    """A trial that has begun."""

    knobs: dict[str, object]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    groups: Groups


class WentOn(TypedDict):
    """A trial that goes on."""

    knobs: dict[str, object]
    groups: Groups
    waited: bool
    source: str


class Reported(TypedDict):
    """An epoch."""

    report: Annotated[Report, AfterValidator(countable)]


class Kept(TypedDict, total=False):
    """Where the files of a trial are."""

    checkpoint: Below
    spare: Below


class Ended(TypedDict):
    """How a trial has ended."""

    status: Literal["completed", "stopped", "diverged", "failed"]
    error: str


KINDS: dict[str, TypeAdapter[Any]] = {
    "began": TypeAdapter(Began),
    "went_on": TypeAdapter(WentOn),
    "reported": TypeAdapter(Reported),
    "kept": TypeAdapter(Kept),
    "ended": TypeAdapter(Ended),
}


def checked(line: object, begun: Container[str]) -> dict[str, Any]:
    """Return a line, what it says in its own types.

    Args:
        line: As JSON has it.
        begun: Numbers of the trials that have begun before.

    Raises:
        ValueError: If no study has written it.
    """
    if not isinstance(line, Mapping) or not isinstance(kind := line.get("event"), str):
        raise ValueError("must say what event it is")
    number = line.get("trial_id")
    if not isinstance(number, str) or not NUMBER.fullmatch(number):
        raise ValueError(f"trial_id must be a number such as 0007 or 0007s1, got {number!r}")
    for named in () if kind == "began" else (number, line.get("source", number)):
        if named not in begun:
            raise ValueError(f"trial {number} goes on with {named!r}, which has not begun")
    try:
        own = KINDS[kind].validate_python(line) if kind in KINDS else {}
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise ValueError(f"trial {number}: {where} {expected(error)}") from None
    return {**line, **own}
