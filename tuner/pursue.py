"""A plan, carried out: checked against what there is, run, and its results kept."""

import logging
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from rich.console import Console

from trainables.problems import InputError
from tuner import results
from tuner.cluster import joined
from tuner.command import OK
from tuner.display import display
from tuner.estimate import cramped
from tuner.folder import differences, results_folder, taken_up, unwritable
from tuner.founding import found, remember
from tuner.gpu_memory import packed
from tuner.interrupt import INTERRUPTED
from tuner.journal import FILE as JOURNAL
from tuner.journal import Journal
from tuner.outlook import unusable
from tuner.pace import Pace
from tuner.plan import Plan
from tuner.preview import preview
from tuner.progress import Progress, Record
from tuner.recall import Memory
from tuner.regret import rehearse
from tuner.resources import here, taking_turns, unmet
from tuner.rule import Rule
from tuner.run import concurrency, rule_of, run
from tuner.summary import summarise
from tuner.warm_start import Loan, borrowed

SAVE_EVERY = 30.0
"""Seconds between two writes of the frames, so that large studies do not write all the time."""
SAVE_SHARE = 0.02
"""Of the time that this takes at most: frames of a million epochs take seconds."""


def pursue(plan: Plan, typed: Sequence[str], console: Console) -> int:
    """Check whether a plan can be carried out, then do; return the exit status.

    Args:
        plan: Of a command without mistakes.
        typed: The command.
        console: Where to tell of it.

    Raises:
        InputError: If it cannot.
    """
    folder = taken_up(plan) or results_folder(plan)
    goes_on = (folder / JOURNAL).exists() and plan.settings.resume == "auto"
    problems = list(differences(folder, plan) if goes_on else unwritable(folder))
    if plan.settings.replay:
        if problems:
            raise InputError(problems)
        silence()
        rehearse(plan, console, folder)
        return OK
    if plan.settings.address is None:
        problems += unmet(plan.settings, *here(), "this machine")
    problems += unusable(plan)
    try:
        loans = borrowed(plan, folder)
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
    with joined(plan.settings) as room:
        return start(plan, folder, loans, typed, console, room)


def start(
    plan: Plan,
    folder: Path,
    loans: Sequence[Loan],
    typed: Sequence[str],
    console: Console,
    room: tuple[float, float],
) -> int:
    """Run a plan that can be run, and leave its results.

    Args:
        plan: What to run.
        folder: Where the results go.
        loans: Trials of other studies to learn from.
        typed: The command.
        console: Where to tell of it.
        room: Cores and GPUs that there are.

    Raises:
        InputError: If the results folder cannot be had after all.
    """
    at_a_time, gpu = concurrency(plan.settings, *room)
    make(folder, plan)

    def caution(text: str) -> None:
        console.print(f"caution: {text}", soft_wrap=True)

    for text in (*plan.cautions, *taking_turns(gpu)):
        caution(text)
    journal = Journal(folder)
    rule, memory = recalled(folder, plan, loans, typed, console)
    progress = begun(plan, at_a_time, gpu, rule, memory)
    if memory.records:
        ended = len(progress.ended)
        console.print(f"Goes on with {folder}: {ended} trials have ended.", soft_wrap=True)
    saver = Saver(folder, plan, progress)
    known: dict[str, Any] = {"journal": journal, "rule": rule, "memory": memory}
    with display(progress, console) as shown:

        def tell(record: Record) -> None:
            shown.tell(record)
            saver.tell(record)

        try:
            run(plan, folder, progress, tell, gpu=gpu, caution=caution, **known)
        finally:
            interrupted = settle(plan, progress)
            saver.save()
            journal.close()
    summarise(console, progress, folder, interrupted=interrupted)
    return INTERRUPTED if interrupted else OK


def make(folder: Path, plan: Plan) -> None:
    """Make the results folder.

    Raises:
        InputError: If that fails.
    """
    try:
        folder.mkdir(parents=True, exist_ok=plan.settings.resume == "auto")
    except OSError as error:
        raise InputError([f"results: cannot make {folder} ({error})."]) from None


def recalled(
    folder: Path, plan: Plan, loans: Sequence[Loan], typed: Sequence[str], console: Console
) -> tuple[Rule, Memory]:
    """Write down what is to be run; return which trials go on, and what earlier runs came to."""
    goes_on = (folder / results.STUDY).exists()
    earlier = results.earlier_levels(folder, plan) if goes_on else []
    rule = rule_of(plan, earlier)
    memory = remember(folder, plan, rule)
    # before the plan is written down that it is made for
    for loan in loans if found(folder, plan, rule.levels, memory.records, loans) else ():
        console.print(str(loan), soft_wrap=True)
    results.write_study(folder, results.describe(plan, rule.levels, len(earlier), typed))
    return rule, memory


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


def settle(plan: Plan, progress: Progress) -> bool:
    """Give trials that were cut off their status; return whether the study was interrupted."""
    cut_off = progress.running
    for record in cut_off:
        record.status = "stopped"
    budget = plan.settings.time_budget
    out_of_time = budget is not None and progress.elapsed >= budget
    return not out_of_time and (bool(cut_off) or len(progress.records) < plan.trials)


class Saver:
    """Writes the frames when trials end, but not all the time."""

    def __init__(self, folder: Path, plan: Plan, progress: Progress) -> None:
        self.folder, self.plan, self.progress = folder, plan, progress
        self.pace = Pace(SAVE_EVERY, SAVE_SHARE)

    def tell(self, record: Record) -> None:
        """Save if a trial ended and the last time is long enough ago."""
        if record.status != "running" and self.pace.due:
            self.save()

    def save(self) -> None:
        """Write everything that is known."""
        with self.pace.turn():
            results.write(self.folder, self.plan, self.progress)


def silence() -> None:
    """Keep the libraries from talking over the table."""
    for name in ("ray", "ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the table tells what failed
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module="ray")
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
