"""What other studies have found out, for a searcher to begin with."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from trainables import study_file
from trainables.problems import InputError
from tuner.history import told
from tuner.journal import FILE
from tuner.parameters import Parameters, foreign
from tuner.plan import Plan
from tuner.record import Record
from tuner.results import STUDY
from tuner.working_copy import here


@dataclass(frozen=True)
class Loan:
    """The trials of another study that could have been trials of this one.

    Attributes:
        folder: Its results folder, or the address of it.
        trials: Those that have ended, with an epoch to learn from.
        left_out: How many others there are, by the reason.
    """

    folder: str
    trials: list[Record]
    left_out: Counter[str]

    def __str__(self) -> str:
        whole = len(self.trials) + self.left_out.total()
        why = "; ".join(f"{number} because {reason}" for reason, number in self.left_out.items())
        text = f"Learns from {len(self.trials)} of {whole} trials of {self.folder}"
        return f"{text}; left out: {why}." if why else f"{text}."


def borrowed(plan: Plan, folder: Path) -> list[Loan]:
    """Return what a plan may learn from the folders that it names.

    Args:
        plan: Whose `warm_start` names them.
        folder: Its own results folder.

    Raises:
        InputError: If a folder is none of a search, is this one, or has nothing to learn from.
    """
    problems: list[str] = []
    loans = []
    for named in plan.settings.warm_start:
        try:
            source = here(named)
            wrong = list(unfit(plan, named, source, folder))
            loans += [] if wrong else [loan(plan, named, source)]
            problems += wrong
        except InputError as error:
            problems += [f"warm_start: {each}" for each in error.each]
    problems += [
        f"warm_start: {loan.folder} has no trial that fits: "
        f"{'; '.join(loan.left_out) or 'none has begun'}."
        for loan in loans
        if not loan.trials
    ]
    if problems:
        raise InputError(problems)
    return loans


def unfit(plan: Plan, named: str, source: Path, folder: Path) -> Iterator[str]:
    """Yield why nothing of a folder can be compared with trials of a plan.

    Args:
        plan: Of the study that would learn from it.
        named: The folder, or its address.
        source: Where it lies on this machine.
        folder: The plan's own results folder.
    """
    if source.resolve() == folder.resolve():
        yield f"warm_start: {named} is this study itself; resume=auto goes on with it."
        return
    if not (source / FILE).is_file():
        yield f"warm_start: {named} holds no {FILE}; name a folder that a search has left."
        return
    try:
        there = study_file.read(source / STUDY)["study"]
        lengths = {key: there[key] for key in ("epochs", "fidelity", "precision")}
    except (OSError, ValueError, LookupError, TypeError, yaml.YAMLError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        yield f"warm_start: {named}: {STUDY} cannot be read ({reason})."
        return
    here = {**vars(plan.settings), "epochs": plan.epochs}
    for key, value in lengths.items():
        if value != here[key]:
            yield (
                f"warm_start: the trials of {named} have {key}={value}, so that their accuracies "
                f"say little of those with {key}={here[key]}; write {key}={value}, or leave the "
                "folder out."
            )


def loan(plan: Plan, named: str, source: Path) -> Loan:
    """Return the trials of a folder that could have been a plan's.

    Args:
        plan: Of the study that would learn from it.
        named: The folder, or its address.
        source: Where it lies on this machine.

    Raises:
        InputError: If its account cannot be read.
    """
    taken, left_out = [], Counter[str]()
    records, _ = told(source, plan.settings.goal.constraint)
    for record in records.values():
        if reason := next(unlike(plan, record), None):
            left_out[reason] += 1
        else:
            taken.append(record)
    return Loan(named, taken, left_out)


def unlike(plan: Plan, record: Record) -> Iterator[str]:
    """Yield why a trial could not have been one of a plan's, or says nothing."""
    if record.status in {"running", "failed"} or not record.reports:
        yield "it failed" if record.status == "failed" else "it has not ended"
    elif record.status == "completed" and record.reports[-1].epoch != plan.epochs:
        yield f"it ended after {record.reports[-1].epoch} epochs"
    elif Parameters(plan.variants).home(record.groups) is None:
        reasons = [list(foreign(variant, record.groups)) for variant in plan.variants]
        yield " and ".join(min(reasons, key=len)[:2])
