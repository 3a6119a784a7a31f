"""Load trials and scheduler events from the event log of a study."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainables.errors import InputError
from trainables.training.constraint import Constraint
from trainables.training.report import Report
from tuner.layout import EVENT_LOG_FILE
from tuner.state.trial import Record
from tuner.storage.event_schema import CheckpointEvent, Event, ResumeEvent, validate_event
from tuner.storage.safe_files import target_outside


def read_events(folder: Path) -> Iterator[dict[str, object]]:
    """Yield the events as JSON, without an unfinished last line.

    Raises:
        InputError: If the file or a finished line cannot be read.
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
    """Return the error message for a line that cannot be read."""
    return f"{folder / EVENT_LOG_FILE}: line {line_number} cannot be read ({error})."


def read_valid_events(folder: Path) -> Iterator[Event]:
    """Yield the events on which the state of a study depends, validated and in their types.

    Raises:
        InputError: If a line is not a valid event.
    """
    known_trials = set[str]()
    for number, line in enumerate(read_events(folder), start=1):
        try:
            event = validate_event(line, known_trials)
        except ValueError as error:
            raise InputError([describe_unreadable_line(folder, number, error)]) from None
        if event is not None:
            known_trials.add(event["trial_id"])
            yield event


@dataclass(frozen=True)
class SchedulerEvent:
    """An event that the scheduler of a resumed study is notified of.

    Attributes:
        kind: What a trial did: it began, reported, or resumed after a pause ("waited").
        trial_number: The number of the trial.
        knobs: The knobs of the trial at that time; PBT changes them when it resumes a trial.
        report: The report of an epoch; `None` for other events.
        source: Of a trial that resumes: the trial whose weights it takes over; its own number if
            it keeps them.
        explores: Of a trial that resumes: whether its knobs are new.
    """

    kind: Literal["began", "reported", "waited"]
    trial_number: str
    knobs: Mapping[str, object]
    report: Report | None = None
    source: str = ""
    explores: bool = False


def load_events(
    folder: Path, constraint: Constraint | None = None
) -> tuple[dict[str, Record], list[SchedulerEvent]]:
    """Return every trial that began, by number, and the scheduler events in order.

    An epoch that was trained again after its process died counts once, with its last report. The
    scheduler has both if it had resumed the trial in between.

    Args:
        folder: The results folder.
        constraint: What the best epoch of each trial should satisfy; `None`: no constraint.

    Raises:
        InputError: If the file cannot be read.
    """
    records: dict[str, Record] = {}
    events = list[SchedulerEvent]()
    superseded, kept = set[tuple[str, int]](), set[tuple[str, int]]()
    for line in read_valid_events(folder):
        number = line["trial_id"]
        if line["event"] == "began":
            configuration = line["knobs"], line["seed"], line["groups"]
            records[number] = Record(number, *configuration, constraint=constraint)
            events.append(SchedulerEvent("began", number, line["knobs"]))
        elif line["event"] == "reported":
            report = line["report"]
            reports = records[number].reports
            while reports and reports[-1].position >= report.position:
                superseded.add((number, id(reports.pop())))
            reports.append(report)
            events.append(SchedulerEvent("reported", number, records[number].knobs, report))
        elif line["event"] == "went_on":
            reports_at_pause = [report for report in records[number].reports if line["waited"]]
            kept |= {(number, id(report)) for report in reports_at_pause}
            events += apply_resumption(records, line, folder)
        elif line["event"] == "kept":
            paths = read_checkpoint_paths(line, folder)
            records[number].checkpoint, records[number].previous_checkpoint = paths
        elif line["event"] == "dropped":
            records[number].checkpoint = records[number].previous_checkpoint = ""
        else:
            records[number].status, records[number].error = line["status"], line["error"]
    check_checkpoint_paths(folder, records.values())
    superseded -= kept
    return records, [
        event for event in events if (event.trial_number, id(event.report)) not in superseded
    ]


def read_checkpoint_paths(line: CheckpointEvent | ResumeEvent, folder: Path) -> tuple[str, str]:
    """Return the newest and the previous checkpoint that an event names; empty: it has none."""
    newest, previous = line.get("checkpoint"), line.get("spare")
    return str(folder / newest) if newest else "", str(folder / previous) if previous else ""


def apply_resumption(
    records: Mapping[str, Record], line: ResumeEvent, folder: Path
) -> Iterator[SchedulerEvent]:
    """Update the record of a trial that resumed; yield an event if the scheduler had paused it."""
    record, source = records[line["trial_id"]], line["source"]
    explores = source != record.trial_id or line["knobs"] != record.knobs
    record.knobs, record.groups = line["knobs"], line["groups"]
    record.reports = list(records[source].reports)
    record.status, record.times_resumed = "running", record.times_resumed + 1
    if "checkpoint" in line:
        record.checkpoint, record.previous_checkpoint = read_checkpoint_paths(line, folder)
    if line["waited"]:
        yield SchedulerEvent(
            "waited", record.trial_id, record.knobs, source=source, explores=explores
        )


def check_checkpoint_paths(folder: Path, records: Iterable[Record]) -> None:
    """Check that the checkpoints of trials are inside their results folder, links resolved.

    Raises:
        InputError: If one is outside: the study must neither read nor delete it.
    """
    for record in records:
        for path in filter(None, (record.checkpoint, record.previous_checkpoint)):
            if target := target_outside(folder, Path(path)):
                raise InputError([
                    f"{folder / EVENT_LOG_FILE}: trial {record.trial_id}: {path} leads to "
                    f"{target}, outside the results folder."
                ])
