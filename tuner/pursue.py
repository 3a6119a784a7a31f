"""A plan, carried out: checked against what there is, run, and its results kept."""

import logging
import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from rich.console import Console

from trainables.patience import Patience
from trainables.problems import InputError
from tuner import dashboard, results
from tuner.books import Books, refused
from tuner.cluster import joined, unshared
from tuner.command import FAILED, OK
from tuner.display import display
from tuner.estimate import cramped
from tuner.folder import differences, placed, unwritable
from tuner.founding import found, remember, strangers
from tuner.gpu_memory import packed
from tuner.inside import links_out
from tuner.interrupt import INTERRUPTED, impatiently
from tuner.journal import FILE as JOURNAL
from tuner.journal import Journal
from tuner.lifeline import lifeline
from tuner.outlook import unusable
from tuner.place import Local, Remote
from tuner.plan import Plan
from tuner.preview import preview
from tuner.progress import Progress
from tuner.recall import STUDY as OPTUNA_LOG
from tuner.recall import Memory, repair, studied
from tuner.record import Record
from tuner.resources import here, taking_turns, unmet
from tuner.results import StudyDescription, read_description
from tuner.room import waiting
from tuner.rule import Rule
from tuner.run import concurrency, rule_of, run
from tuner.shipping import own_files
from tuner.storage import PATIENCE
from tuner.summary import summarise
from tuner.tracking import missing
from tuner.warm_start import Loan, borrowed

MEND = "When there is room, or what is gone is back, the same command with resume=auto goes on."


def pursue(plan: Plan, typed: Sequence[str], console: Console) -> int:
    """Check whether a plan can be carried out, then do; return the exit status.

    Args:
        plan: Of a command without mistakes.
        typed: The command.
        console: Where to tell of it.

    Raises:
        InputError: If it cannot.
    """
    place = placed(plan)
    patience = Patience(lambda refusal: warn(console, f"{refusal}; trying again."), PATIENCE)
    problems, earlier = load_earlier_study(place, plan, patience)
    if plan.settings.address is None:
        problems += unmet(plan.settings, *here(), "this machine")
    problems += [*unusable(plan), *missing(plan.settings.tracker)]
    try:
        loans = borrowed(plan, place.folder)
    except InputError as unfit:
        problems += unfit.each
    if problems := problems or [*cramped(plan)]:
        raise InputError(problems)
    plan = packed(plan, here()[1], partial(console.print, soft_wrap=True))
    if plan.settings.dry_run:
        preview(console, plan, *concurrency(plan.settings, *here()))
        for loan in loans:
            console.print(str(loan), soft_wrap=True)
        return OK
    silence()
    with joined(plan.settings, own_files(plan)) as room, impatiently():
        warn(console, *unshared(place), *waiting(plan.settings))
        return start(plan, place, loans, typed, console, room, earlier, patience)


@dataclass(frozen=True)
class EarlierStudy:
    """The files of a study that is resumed, each loaded once.

    Attributes:
        description: Its `search.yaml`, or `None` if there is none.
        optuna_study: The Optuna study, or `None` if there is none.
    """

    description: StudyDescription | None = None
    optuna_study: optuna.Study | None = None


def load_earlier_study(
    place: Local, plan: Plan, patience: Patience
) -> tuple[list[str], EarlierStudy]:
    """Load the study that a plan resumes, if it resumes one.

    Args:
        place: The results folder.
        plan: The plan.
        patience: How to write to the Optuna study while the storage refuses.

    Returns:
        Why the study can neither be resumed nor created, and what was loaded.

    Raises:
        InputError: If the Optuna study or the journal cannot be read.
    """
    folder = place.folder
    if not (folder / JOURNAL).exists() or plan.settings.resume != "auto":
        return list(unwritable(place)), EarlierStudy()
    problems = list(links_out(folder))
    try:
        description = read_description(folder)
    except InputError as error:
        return [*problems, *error.each], EarlierStudy()
    problems += differences(description, plan)
    if problems:
        return problems, EarlierStudy()
    optuna_study = studied(folder, patience)
    return list(strangers(folder, plan)), EarlierStudy(description, optuna_study)


def start(
    plan: Plan,
    place: Local,
    loans: Sequence[Loan],
    typed: Sequence[str],
    console: Console,
    room: tuple[float, float],
    earlier: EarlierStudy,
    patience: Patience,
) -> int:
    """Run a plan that can be run, and leave its results.

    Args:
        plan: What to run.
        place: Where the results go.
        loans: Trials of other studies to learn from.
        typed: The command.
        console: Where to tell of it.
        room: Cores and GPUs that there are.
        earlier: The study that is resumed.
        patience: How to write while the storage refuses.

    Raises:
        InputError: If the results folder cannot be had after all.
    """
    at_a_time, gpu = concurrency(plan.settings, *room)
    folder = place.folder
    make(place, plan)
    caution = partial(warn, console)
    caution(*plan.cautions, *taking_turns(gpu))
    dashboard.tell(plan.settings, console)
    journal = Journal(folder, patience)
    repair(folder / OPTUNA_LOG)  # it may be torn since it was loaded, before the lock was taken
    rule, memory, study = recalled(folder, plan, loans, typed, console, earlier, patience)
    for record in memory.over:
        journal.ended(record)
    progress = begun(plan, at_a_time, gpu, rule, memory)
    greet(console, place, progress)
    books = Books(place, plan, progress, journal, patience, caution)
    known: dict[str, Any] = {"journal": journal, "rule": rule, "memory": memory, "study": study}
    with ExitStack() as screen:
        shown = screen.enter_context(display(progress, console))

        def tell(record: Record) -> None:
            shown.tell(record)
            books.tell(record)

        def lost(reason: str) -> int:
            ended = books.close()
            screen.close()
            return outcome(console, progress, place, reason, *ended)

        try:
            go = partial(run, plan, place, progress, tell, gpu=gpu, caution=caution, **known)
            with lifeline(caution, lost):
                refusal = refused(go)
        finally:
            ended = books.close()
    return outcome(console, progress, place, refusal, *ended)


def greet(console: Console, place: Local, progress: Progress) -> None:
    """Tell that a study goes on, if it does."""
    if progress.records:
        ended = len(progress.ended)
        console.print(f"Goes on with {place}: {ended} trials have ended.", soft_wrap=True)


def warn(console: Console, *texts: str) -> None:
    """Tell what may be mistakes, or what was lost."""
    for text in texts:
        console.print(f"caution: {text}", soft_wrap=True)


def outcome(
    console: Console, progress: Progress, place: Local, reason: str, refusal: str, interrupted: bool
) -> int:
    """Return the exit status of a study that is over, and tell what came of it.

    Args:
        console: Where to tell.
        progress: What came of it.
        place: Where its results are.
        reason: What has ended it, nothing if it came to its end.
        refusal: What could not be written at the end.
        interrupted: Whether it was ended before its time.
    """
    summarise(console, progress, str(place), interrupted=interrupted)
    if refusal := reason or refusal:
        console.print(f"Ended early: {refusal}. {MEND}", soft_wrap=True)
        return FAILED
    if interrupted:
        return INTERRUPTED
    ends = {record.status for record in progress.records.values()}
    return FAILED if ends == {"failed"} else OK


def make(place: Local, plan: Plan) -> None:
    """Make the results folder.

    Raises:
        InputError: If that fails.
    """
    folder = place.folder
    if isinstance(place, Remote):
        place.make()
    try:
        folder.mkdir(parents=True, exist_ok=plan.settings.resume == "auto")
    except OSError as error:
        raise InputError([f"results: cannot make {folder} ({error})."]) from None
    if isinstance(place, Remote):
        place.claim()


def recalled(
    folder: Path,
    plan: Plan,
    loans: Sequence[Loan],
    typed: Sequence[str],
    console: Console,
    earlier: EarlierStudy,
    patience: Patience,
) -> tuple[Rule, Memory, optuna.Study]:
    """Write down what is to be run; return which trials go on, and what earlier runs came to."""
    description, before = earlier.description, earlier.optuna_study
    levels = description.earlier_levels(plan.epochs) if description else []
    rule = rule_of(plan, levels)
    memory = remember(folder, plan, rule, before)
    past = memory.records
    # before the plan is written down that it is made for
    study = found(folder, plan, rule.levels, past, loans, before=before, patience=patience)
    for loan in loans if study is not before else ():
        console.print(str(loan), soft_wrap=True)
    results.write_study(folder, results.describe(plan, rule.levels, len(levels), typed))
    return rule, memory, study


def begun(plan: Plan, at_a_time: int, gpu: float, rule: Rule, memory: Memory) -> Progress:
    """Return how far a study is that begins, or goes on."""
    settings = plan.settings
    return Progress(
        plan.trials,
        rule.levels,
        at_a_time,
        records=memory.records,
        goal=settings.goal,
        gpu=gpu,
        time_budget=settings.time_budget,
        disk_budget=settings.disk_budget,
        images=int(plan.variants[0].fixed["data"]["validation"]),
    )


def silence() -> None:
    """Keep the libraries from talking over the table."""
    for name in ("ray", "ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the table tells what failed
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module="ray")
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
