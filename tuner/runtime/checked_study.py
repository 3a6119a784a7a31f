"""Check a study against this machine and the results folder; preview it without running it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from rich.console import Console

from trainables.errors import InputError
from trainables.io.retry import Retry
from tuner.config.plan import Plan
from tuner.config.preflight.data_and_network import check_data_and_networks, print_data
from tuner.config.preflight.dry_run import StudyPlan, build_study_plan
from tuner.config.preflight.estimate import check_disk_budget
from tuner.config.preflight.gpu_packing import pack_gpus
from tuner.config.preflight.initial_weights import check_initial_weights, check_teachers
from tuner.config.resources import check_resources, local_resources, resolve_concurrency
from tuner.monitoring.tracking import check_trackers
from tuner.runtime.cluster.mps import mps_for_shared_gpus
from tuner.runtime.preparation import EarlierStudy, load_earlier_study, print_study
from tuner.runtime.resume.interrupted_studies import choose_study
from tuner.runtime.resume.warm_start import TransferredTrials, load_warm_start
from tuner.schedulers.core.factory import build_scheduler
from tuner.searchers.core.optuna_storage import WRITE_TIMEOUT
from tuner.storage.naming import open_results_store
from tuner.storage.results_store import LocalStore


@dataclass(frozen=True)
class CheckedStudy:
    """A plan that can be executed, and what its checks have loaded.

    Attributes:
        plan: The plan.
        store: The results folder.
        transferred: Trials of other studies, from which the searcher starts.
        earlier: The study that is resumed; empty for a new one.
        retry: Repeats writes that the storage refuses.
    """

    plan: Plan
    store: LocalStore
    transferred: Sequence[TransferredTrials]
    earlier: EarlierStudy
    retry: Retry


def check_study(plan: Plan, console: Console) -> CheckedStudy:
    """Check a plan against this machine, its images and networks, and the results folder.

    Args:
        plan: The plan of a valid command.
        console: Where to print.

    Raises:
        InputError: If the plan cannot be executed; it names all problems.
    """
    choice = choose_study(plan)
    store = open_results_store(plan, choice.folder)
    retry = Retry(lambda error: print_warnings(console, f"{error}; trying again."), WRITE_TIMEOUT)
    problems, earlier = load_earlier_study(store, plan, retry)
    plan = earlier.plan or plan
    if not problems:
        print_study(store, plan, choice, console)
        console.print("Checking data and networks ...")
    if plan.settings.address is None:
        problems += check_resources(plan.settings, *local_resources(), "this machine")
    problems += [*check_networks(plan, console), *check_trackers(plan.settings.tracker)]
    try:
        transferred = load_warm_start(plan, store.folder)
    except InputError as error:
        problems += error.problems
    if problems := problems or [*check_disk_budget(plan)]:
        raise InputError(problems)
    print_data(plan, console)
    return CheckedStudy(plan, store, transferred, earlier, retry)


def check_networks(plan: Plan, console: Console) -> list[str]:
    """Return the problems of images, networks and initial weights; print what was loaded."""
    if problems := check_data_and_networks(plan):
        return problems
    problems, notes = check_initial_weights(plan)
    for note in notes:
        console.print(f"init: {note}", soft_wrap=True)
    return problems + check_teachers(plan)


def preview_study(plan: Plan, console: Console) -> StudyPlan:
    """Check a plan as `execute_study` does; return what it will run and cost, without running it.

    Args:
        plan: The plan of a valid command.
        console: Where to print what was found on the way.

    Raises:
        InputError: If the plan cannot be executed; it names all problems.
    """
    plan = replace(plan, settings=replace(plan.settings, dry_run=True))
    checked = check_study(plan, console)
    plan, scheduler = checked.plan, build_scheduler(checked.plan)
    with mps_for_shared_gpus(plan.settings, local_resources()[1]) as mps:
        plan = pack_gpus(plan, *local_resources(), partial(console.print, soft_wrap=True))
        mps.stop()  # one trial is timed alone
        return build_study_plan(
            plan,
            checked.store.folder,
            *resolve_concurrency(plan.settings, *local_resources()),
            rungs=scheduler.rungs,
            early_stopping=scheduler.note,
            notes=tuple(map(str, checked.transferred)),
        )


def print_warnings(console: Console, *texts: str) -> None:
    """Print each text as a warning."""
    for text in texts:
        console.print(f"caution: {text}", soft_wrap=True)
