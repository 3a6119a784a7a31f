"""Schemas of the events in an event log."""

import re
from collections.abc import Container, Mapping
from typing import Annotated, Literal, NotRequired

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from typing_extensions import TypedDict

from trainables.errors import format_validation_error
from trainables.hparams.ranges import MAX_COUNT
from trainables.training.report import Report
from tuner.storage.safe_files import path_problem

TRIAL_NUMBER = re.compile(r"[0-9]{4,9}(s[0-9]{1,9})?")
"""Number of a trial; for a further seed, followed by `s` and the seed."""
GroupValues = dict[str, dict[str, object]]


def valid_relative_path(path: str) -> str:
    """Return `path`, a path relative to the results folder.

    Raises:
        ValueError: If it does not lead below the results folder.
    """
    if problem := path_problem(path):
        raise ValueError(problem)
    return path


def valid_counts(report: Report) -> Report:
    """Return `report`, its counts checked.

    Raises:
        ValueError: If a count is out of range.
    """
    counts = report.epoch, report.level, report.collapsed_at, report.micro_batch or 0
    if not all(0 <= count <= MAX_COUNT for count in counts):
        raise ValueError(f"must count from 0 to {MAX_COUNT}, got {max(counts, key=abs)}")
    return report


RelativePath = Annotated[str, AfterValidator(valid_relative_path)]


class StartEvent(TypedDict):
    """The start of a trial."""

    event: Literal["began"]
    trial_id: str
    knobs: dict[str, object]
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    groups: GroupValues


class ResumeEvent(TypedDict):
    """The resumption of a trial, after a pause or an interruption.

    `checkpoint` and `spare` are its checkpoints then, empty if it has none: it may resume from one
    that was not logged, or from a copy of another trial's.
    """

    event: Literal["went_on"]
    trial_id: str
    knobs: dict[str, object]
    groups: GroupValues
    waited: bool
    source: str
    checkpoint: NotRequired[RelativePath | Literal[""]]
    spare: NotRequired[RelativePath | Literal[""]]


class ReportEvent(TypedDict):
    """The report of an epoch."""

    event: Literal["reported"]
    trial_id: str
    report: Annotated[Report, AfterValidator(valid_counts)]


class CheckpointEvent(TypedDict):
    """The checkpoints of a trial, as paths relative to the results folder."""

    event: Literal["kept"]
    trial_id: str
    checkpoint: NotRequired[RelativePath]
    spare: NotRequired[RelativePath]


class DeletionEvent(TypedDict):
    """The deletion of all checkpoints of a trial."""

    event: Literal["dropped"]
    trial_id: str


class EndEvent(TypedDict):
    """The end of a trial."""

    event: Literal["ended"]
    trial_id: str
    status: Literal["completed", "stopped", "diverged", "failed"]
    error: str


Event = StartEvent | ResumeEvent | ReportEvent | CheckpointEvent | DeletionEvent | EndEvent
EVENT_SCHEMAS: dict[str, TypeAdapter[Event]] = {
    "began": TypeAdapter(StartEvent),
    "went_on": TypeAdapter(ResumeEvent),
    "reported": TypeAdapter(ReportEvent),
    "kept": TypeAdapter(CheckpointEvent),
    "dropped": TypeAdapter(DeletionEvent),
    "ended": TypeAdapter(EndEvent),
}


def validate_event(line: object, known_trials: Container[str]) -> Event | None:
    """Return an event with its fields validated and converted to their types.

    `None`: the state of a study does not depend on events of this name.

    Args:
        line: The event, as parsed from JSON.
        known_trials: Numbers of the trials that began in earlier lines.

    Raises:
        ValueError: If it is not a valid event.
    """
    if not isinstance(line, Mapping) or not isinstance(kind := line.get("event"), str):
        raise ValueError("must be an object with the name of an event")
    number = line.get("trial_id")
    if not isinstance(number, str) or not TRIAL_NUMBER.fullmatch(number):
        raise ValueError(f"trial_id must be a number such as 0007 or 0007s1, got {number!r}")
    for trial in () if kind == "began" else (number, line.get("source", number)):
        if trial not in known_trials:
            raise ValueError(f"trial {number} refers to trial {trial!r}, which has not begun")
    try:
        return EVENT_SCHEMAS[kind].validate_python(line) if kind in EVENT_SCHEMAS else None
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise ValueError(f"trial {number}: {where} {format_validation_error(error)}") from None
