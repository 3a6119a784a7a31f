"""Load trials and scheduler events from the event log of a study."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from trainables.errors import InputError
from trainables.training.constraint import Constraint
from trainables.training.report import Report
from tuner.layout import EVENT_LOG_FILE
from tuner.state.trial import Record
from tuner.storage.event_schema import validate_event
from tuner.storage.safe_paths import target_outside


def read_events(folder: Path) -> Iterator[dict[str, object]]:
    """Yield what was written, up to a line that was not finished.

    Raises:
        InputError: If the file or another line cannot be read.
    """
    try:
        lines = (folder / EVENT_LOG_FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([f"{folder / EVENT_LOG_FILE}: cannot be read ({error})."]) from None
    for number, line in enumerate(lines, start=1):
        if not line.endswith("\n"):
            return
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError([describe_unreadable_line(folder, number, error)]) from None


def describe_unreadable_line(folder: Path, line_number: int, error: Exception) -> str:
    """Return the problem of a line."""
    return f"{folder / EVENT_LOG_FILE}: line {line_number} cannot be read ({error})."


def read_valid_events(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what was written, what each line says in its own types.

    Raises:
        InputError: If a line says what no study has written.
    """
    begun = set[str]()
    for number, line in enumerate(read_events(folder), start=1):
        try:
            found = validate_event(line, begun)
        except ValueError as error:
            raise InputError([describe_unreadable_line(folder, number, error)]) from None
        begun.add(found["trial_id"])
        yield found


@dataclass(frozen=True)
class SchedulerEvent:
    """What a rule of early stopping has to hear of.

    Attributes:
        kind: A trial began, reported, or went on after it had waited.
        trial_number: The trial's.
        report: Of an epoch.
    """

    kind: Literal["began", "reported", "waited"]
    trial_number: str
    report: Report | None = None


def load_events(
    folder: Path, constraint: Constraint | None = None
) -> tuple[dict[str, Record], list[SchedulerEvent]]:
    """Return every trial that was begun, by number, and what happened, in order.

    An epoch that was trained again, after its process had died, counts once, as it came last.

    Args:
        folder: The results folder.
        constraint: What the best epoch of each should satisfy, if anything.

    Raises:
        InputError: If the file cannot be read.
    """
    records: dict[str, Record] = {}
    happened, stale = [], set[int]()
    for line in read_valid_events(folder):
        number, kind = line["trial_id"], line["event"]
        if kind == "began":
            about = line["knobs"], line["seed"], line["groups"]
            records[number] = Record(number, *about, constraint=constraint)
            happened.append(SchedulerEvent("began", number))
        elif kind == "reported":
            report = line["report"]
            reports = records[number].reports
            while reports and reports[-1].position >= report.position:
                stale.add(id(reports.pop()))
            reports.append(report)
            happened.append(SchedulerEvent("reported", number, report))
        elif kind == "went_on":
            record = records[number]
            record.knobs, record.groups = line["knobs"], line["groups"]
            record.reports = list(records[line["source"]].reports)
            record.status, record.times_resumed = "running", record.times_resumed + 1
            happened += [SchedulerEvent("waited", number)] * line["waited"]
        elif kind in {"kept", "dropped"}:
            named = (line.get(key) for key in ("checkpoint", "spare"))
            found = (str(folder / path) if path else "" for path in named)
            records[number].checkpoint, records[number].previous_checkpoint = found
        elif kind == "ended":
            records[number].status, records[number].error = line["status"], line["error"]
    check_checkpoint_paths(folder, records.values())
    return records, [event for event in happened if id(event.report) not in stale]


def check_checkpoint_paths(folder: Path, records: Iterable[Record]) -> None:
    """See that the checkpoints of trials lie in their results folder, whatever links it has.

    Raises:
        InputError: If one does not: nothing there is the study's to read or to delete.
    """
    for record in records:
        for path in filter(None, (record.checkpoint, record.previous_checkpoint)):
            if end := target_outside(folder, Path(path)):
                raise InputError([
                    f"{folder / EVENT_LOG_FILE}: trial {record.trial_id}: {path} leads to {end}, outside the "
                    "results folder."
                ])
