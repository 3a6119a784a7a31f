"""What has happened in a study, a line an event.

Whatever kills a study, no more is lost than the line being written.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from trainables.constraint import Constraint
from trainables.patience import Patience
from trainables.problems import InputError
from trainables.report import Report
from tuner.inside import linked_out
from tuner.lines import checked
from tuner.lock import take
from tuner.progress import Record

FILE = "journal.jsonl"


class Journal:
    """The events of a study, in a file of its results folder that one process writes at a time.

    Attributes:
        folder: The results folder; paths in the file are relative to it.
    """

    def __init__(self, folder: Path, patience: Patience | None = None) -> None:
        """Open the file.

        Args:
            folder: The results folder.
            patience: How to write while the storage refuses; without, that is raised.

        Raises:
            InputError: If another process is running the study.
        """
        self.folder = folder
        self.patiently = patience or Patience(print, limit=0.0)
        mend(folder / FILE)
        self.file = (folder / FILE).open("ab", buffering=0)
        try:
            take(self.file)
        except OSError:
            self.file.close()
            raise InputError([f"resume: another process is running {folder}."]) from None
        self.whole = (folder / FILE).stat().st_size

    def began(self, record: Record) -> None:
        """Note a new trial."""
        about = {"knobs": record.knobs, "seed": record.seed, "groups": record.groups}
        self.write("began", record.trial_id, about)

    def went_on(self, record: Record, source: str, *, waited: bool) -> None:
        """Note that a trial goes on, with knobs that may have changed.

        Args:
            record: The trial.
            source: The number of the trial whose weights and history it takes over; its own if it
                keeps its own.
            waited: Whether it had waited, rather than been cut off.
        """
        about = {"knobs": record.knobs, "groups": record.groups, "waited": waited}
        about["source"] = source
        self.write("went_on", record.trial_id, about)

    def reported(self, number: str, report: Report) -> None:
        """Note an epoch of the trial of a number."""
        self.write("reported", number, {"report": asdict(report)})

    def kept(self, record: Record) -> None:
        """Note where its files are."""
        paths = {"checkpoint": record.checkpoint, "spare": record.spare}
        about = {key: os.path.relpath(path, self.folder) for key, path in paths.items() if path}
        self.write("kept", record.trial_id, about)

    def lost(self, number: str, text: str) -> None:
        """Note that a checkpoint was broken, and what comes of it."""
        self.write("lost", number, {"text": text})

    def dropped(self, record: Record) -> None:
        """Note that they are deleted."""
        self.write("dropped", record.trial_id, {})

    def ended(self, record: Record) -> None:
        """Note how it ended."""
        self.write("ended", record.trial_id, {"status": record.status, "error": record.error})

    def write(self, event: str, number: str, about: dict[str, Any]) -> None:
        """Write a line and see it onto the disk."""
        line = json.dumps({"event": event, "trial_id": number, **about})
        self.patiently(str(self.folder / FILE), partial(self.append, f"{line}\n".encode()))

    def append(self, line: bytes) -> None:
        """Write a line in place of what an earlier attempt has left of it."""
        self.file.truncate(self.whole)
        left = line
        while left:
            left = left[self.file.write(left) :]  # a disk that fills up takes a part of it
        os.fsync(self.file.fileno())
        self.whole += len(line)

    def close(self) -> None:
        """Let others write."""
        self.file.close()


def mend(file: Path) -> None:
    """Cut off a line that was being written when its process died."""
    if file.exists():
        text = file.read_bytes()
        if text and not text.endswith(b"\n"):
            with file.open("r+b") as opened:
                opened.truncate(text.rfind(b"\n") + 1)


def events(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what was written, up to a line that was not finished.

    Raises:
        InputError: If the file or another line cannot be read.
    """
    try:
        lines = (folder / FILE).read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError([f"{folder / FILE}: cannot be read ({error})."]) from None
    for number, line in enumerate(lines, start=1):
        if not line.endswith("\n"):
            return
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError([misread(folder, number, error)]) from None


def misread(folder: Path, number: int, error: Exception) -> str:
    """Return the problem of a line."""
    return f"{folder / FILE}: line {number} cannot be read ({error})."


def credible(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield what was written, what each line says in its own types.

    Raises:
        InputError: If a line says what no study has written.
    """
    begun = set[str]()
    for number, line in enumerate(events(folder), start=1):
        try:
            found = checked(line, begun)
        except ValueError as error:
            raise InputError([misread(folder, number, error)]) from None
        begun.add(found["trial_id"])
        yield found


@dataclass(frozen=True)
class Event:
    """What a rule of early stopping has to hear of.

    Attributes:
        kind: A trial began, reported, or went on after it had waited.
        number: The trial's.
        report: Of an epoch.
    """

    kind: Literal["began", "reported", "waited"]
    number: str
    report: Report | None = None


def told(
    folder: Path, constraint: Constraint | None = None
) -> tuple[dict[str, Record], list[Event]]:
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
    for line in credible(folder):
        number, kind = line["trial_id"], line["event"]
        if kind == "began":
            about = line["knobs"], line["seed"], line["groups"]
            records[number] = Record(number, *about, constraint=constraint)
            happened.append(Event("began", number))
        elif kind == "reported":
            report = line["report"]
            reports = records[number].reports
            while reports and reports[-1].moment >= report.moment:
                stale.add(id(reports.pop()))
            reports.append(report)
            happened.append(Event("reported", number, report))
        elif kind == "went_on":
            record = records[number]
            record.knobs, record.groups = line["knobs"], line["groups"]
            record.reports = list(records[line["source"]].reports)
            record.status, record.went_on = "running", record.went_on + 1
            happened += [Event("waited", number)] * line["waited"]
        elif kind in {"kept", "dropped"}:
            named = (line.get(key) for key in ("checkpoint", "spare"))
            found = (str(folder / path) if path else "" for path in named)
            records[number].checkpoint, records[number].spare = found
        elif kind == "ended":
            records[number].status, records[number].error = line["status"], line["error"]
    secure(folder, records.values())
    return records, [event for event in happened if id(event.report) not in stale]


def secure(folder: Path, records: Iterable[Record]) -> None:
    """See that the checkpoints of trials lie in their results folder, whatever links it has.

    Raises:
        InputError: If one does not: nothing there is the study's to read or to delete.
    """
    for record in records:
        for path in filter(None, (record.checkpoint, record.spare)):
            if end := linked_out(folder, Path(path)):
                raise InputError([
                    f"{folder / FILE}: trial {record.trial_id}: {path} leads to {end}, outside the "
                    "results folder."
                ])
