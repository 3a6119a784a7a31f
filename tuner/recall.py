"""A study taken up again: what it knew when it was cut off, trial by trial."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import pyarrow
import pyarrow.parquet
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial

from trainables.checkpoint import moment_of
from trainables.constraint import Constraint
from trainables.patience import Patience
from trainables.problems import InputError
from trainables.report import Report
from tuner.columns import TRIALS
from tuner.history import Event, told
from tuner.journal import FILE, mend
from tuner.lines import NUMBER
from tuner.place import CHECKPOINTS
from tuner.record import SEED, Record, Status, ending
from tuner.rule import Decision, Rule, Step
from tuner.searcher import NAME, numbered
from tuner.storage import PatientFile

STUDY = "optuna.log"


def deleted(path: str) -> None:
    """Delete a checkpoint."""
    shutil.rmtree(path, ignore_errors=True)


@dataclass
class Memory:
    """What a study has come to.

    Attributes:
        records: Every trial that has been begun, by number.
        decided: What the rule said of the last epoch of each.
        levels: The whole run that each began with.
        left: Numbers of those that were cut off and go on.
        heard: The last moment that the rule has heard of each since it last let it go on.
        over: Those that turn out to have ended, though the account does not say so yet.
        lost: What has come of checkpoints that were broken, to be told when their trials go on.
        remove: Deletes a broken checkpoint.
    """

    records: dict[str, Record] = field(default_factory=dict)
    decided: dict[str, Decision] = field(default_factory=dict)
    levels: dict[str, int] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    heard: dict[str, tuple[int, int]] = field(default_factory=dict)
    over: list[Record] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    remove: Callable[[str], None] = deleted

    def tells(self, rule: Rule, number: str, report: Report) -> Decision:
        """Tell a rule of an epoch of a trial; return what it says.

        What a trial reports again, because its process died before the checkpoint was kept, the
        rule has heard already.
        """
        last = self.heard.get(number)
        if last is not None and report.moment <= last:
            return self.decided[number] if report.moment == last else "go"
        self.heard[number] = report.moment
        self.decided[number] = rule.reported(number, report, self.records[number].knobs)
        return self.decided[number]

    def rewinds(self, record: Record, *, waited: bool) -> None:
        """Have a trial go on from its newest whole checkpoint.

        Args:
            record: The trial.
            waited: Whether it had waited: what it then reports again the rule has heard.
        """
        named, last = record.checkpoint, record.last
        rewound(record)
        if not named or record.checkpoint == named:
            return
        self.lost[record.trial_id] = loss(record)
        self.remove(named)  # nobody can read it, or name it any more
        if waited and last is not None:
            self.heard[record.trial_id] = last.moment
            self.decided[record.trial_id] = "go"

    def lets_on(self, rule: Rule, step: Step) -> None:
        """Tell a rule that a trial goes on that waited: what it reports from now on is new."""
        rule.went_on(step)
        self.heard.pop(step.trial, None)
        self.decided.pop(step.trial, None)


def remember(
    folder: Path,
    rule: Rule,
    constraint: Constraint | None = None,
    *,
    study: optuna.Study | None = None,
) -> Memory:
    """Return what a study had come to when it ended or was cut off, and tell a new rule of it.

    Args:
        folder: The results folder.
        rule: One that knows nothing yet.
        constraint: What the best epoch of each trial should satisfy, if anything.
        study: The searcher's study, or `None` if there is none yet.

    Raises:
        InputError: If the account of the study cannot be read.
    """
    records, events = told(folder, constraint)
    if not records and (known := trials_of(folder)):
        raise InputError([
            f"{folder}: {TRIALS} tells of {known} trials and {FILE} of none, and to go on would "
            f"write over them; put its {FILE} back, or choose another name=NAME."
        ])
    cut_off = [record for record in records.values() if record.status == "running"]
    believe(records, study.trials if study else (), rule)
    forgotten, memory = set[int](), Memory(records)
    for record in records.values():
        if record.status == "running":
            before = {id(each) for each in record.reports}
            memory.rewinds(record, waited=False)
            forgotten |= before - {id(each) for each in record.reports}
    retell([event for event in events if id(event.report) not in forgotten], rule, memory)
    for number, record in records.items():
        record.status, goes_on = taken_up(record, memory.decided.get(number, "go"), rule)
        if goes_on:
            memory.left.append(number)
        elif memory.decided.get(number) != "wait" and SEED not in number:
            rule.ended(number)
    memory.over = [record for record in cut_off if record.status != "running"]
    return memory


def trials_of(folder: Path) -> int:
    """Return how many trials a study's frame tells of; none if it cannot be read."""
    try:
        return int(pyarrow.parquet.read_metadata(folder / TRIALS).num_rows)
    except (OSError, pyarrow.ArrowInvalid):
        return 0


def believe(records: Mapping[str, Record], trials: Iterable[FrozenTrial], rule: Rule) -> None:
    """End trials that died between telling the searcher and writing down that they were over."""
    for trial in trials:
        record = records.get(numbered(trial))
        first = record is not None and record.status == "running" and not record.went_on
        if record is not None and first and trial.state.is_finished():
            failed = trial.state == optuna.trial.TrialState.FAIL
            record.status = "failed" if failed else ending(record, rule.levels)


def retell(events: list[Event], rule: Rule, memory: Memory) -> None:
    """Tell a rule what happened, in order."""
    for event in events:
        if SEED in event.number:
            memory.levels[event.number] = len(rule.levels) - 1
        elif event.kind == "began":
            memory.levels[event.number] = rule.begins(event.number)
        elif event.kind == "waited":
            memory.lets_on(rule, Step(event.number, event.number))
        elif event.report is not None:
            memory.tells(rule, event.number, event.report)


def taken_up(record: Record, decided: Decision, rule: Rule) -> tuple[Status, bool]:
    """Return the status of a trial in a study that is taken up, and whether it goes on.

    One that had ended goes on if the study has been given more epochs and the rule does not object.
    """
    if record.status == "failed":
        return "failed", False
    ends = ending(record, rule.levels)
    goes_on = decided == "go" and ends == "stopped" and not record.broken
    return ("running", True) if goes_on else (ends, False)


def studied(folder: Path, patience: Patience | None = None) -> optuna.Study | None:
    """Return the searcher's study, or none if there is none yet; leave no trace of looking.

    Args:
        folder: The results folder.
        patience: How to write to it while the storage refuses; without, that is raised.

    Raises:
        InputError: If it cannot be read, or a trial of it has no number as ours do.
    """
    if not (folder / STUDY).exists():
        return None
    try:
        storage = kept_in(folder, patience=patience)
        if NAME not in optuna.get_all_study_names(storage):
            return None
        study = optuna.load_study(study_name=NAME, storage=storage)
        strange = [n for n in map(numbered, study.get_trials(deepcopy=False)) if not is_number(n)]
    except Exception as error:  # Optuna believes every line
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise InputError([f"{folder / STUDY} cannot be read ({reason})."]) from None
    if strange:
        raise InputError([
            f"{folder / STUDY}: trial_id must be a number such as 0007, got {strange[0]!r}."
        ])
    return study


def is_number(number: str) -> bool:
    """Return whether a number can be that of a trial of ours, or says that it is of none."""
    return number == "" or bool(NUMBER.fullmatch(number))


def kept_in(
    folder: Path, name: str = STUDY, patience: Patience | None = None
) -> optuna.storages.BaseStorage:
    """Return where the searcher's study is kept: a file that optuna-dashboard opens too.

    Args:
        folder: The results folder.
        name: Of the file.
        patience: How to write while the storage refuses; without, that is raised.
    """
    file = folder / name
    repair(file)
    backend = PatientFile(file, patience) if patience else JournalFileBackend(str(file))
    return optuna.storages.JournalStorage(backend)


def repair(file: Path) -> None:
    """Remove what a process that died left of a searcher's study: half a line, and its lock."""
    mend(file)
    file.with_name(f"{file.name}.lock").unlink(missing_ok=True)  # the journal's lock guards both


def rewound(record: Record) -> Record:
    """Return a trial that was cut off as its newest whole checkpoint has it.

    What it reported after that is forgotten: it will report the same again.
    """
    seen = {report.moment for report in record.reports}
    found = dict(whole(record, seen))
    newest = max(found, default=(-1, 0))
    record.reports = [report for report in record.reports if report.moment <= newest]
    record.checkpoint = str(found[newest]) if found else ""
    return record


def whole(record: Record, seen: set[tuple[int, int]]) -> Iterator[tuple[tuple[int, int], Path]]:
    """Yield the checkpoints of a trial that are whole and of a moment that was reported."""
    if record.checkpoint:
        spare = [Path(record.spare)] if record.spare else []
        # the newest counts of those of one moment
        for folder in [*spare, *Path(record.checkpoint).parent.glob(CHECKPOINTS)]:
            moment = moment_of(folder)
            if moment in seen and moment is not None:
                yield moment, folder


def loss(record: Record) -> str:
    """Return what comes of a broken checkpoint to a trial that has been rewound."""
    if record.last is None:
        return "its checkpoint is broken, and there is none before; it begins anew"
    return f"its checkpoint is broken; it goes on from the one before, of epoch {record.last.epoch}"
