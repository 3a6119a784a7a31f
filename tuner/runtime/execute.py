"""A plan, carried out: checked against what there is, run, and its results kept."""

from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from rich.console import Console

from trainables.errors import InputError
from trainables.io.retry import Retry
from tuner.cli.command import FAILED, OK
from tuner.cli.signals import INTERRUPT_STATUS, second_sigint_exits
from tuner.config import description as description_module
from tuner.config.plan import Plan
from tuner.config.preflight.data_and_network import check_data_and_networks
from tuner.config.preflight.dry_run import print_dry_run
from tuner.config.preflight.estimate import check_disk_budget
from tuner.config.preflight.gpu_packing import pack_gpus
from tuner.config.resources import check_mps, check_resources, local_resources, resolve_concurrency
from tuner.layout import OPTUNA_FILE as OPTUNA_LOG
from tuner.monitoring.live_table import show_progress
from tuner.monitoring.summary import print_summary
from tuner.monitoring.tracking import check_trackers
from tuner.runtime.cluster import dashboard
from tuner.runtime.cluster.capacity import check_node_capacity
from tuner.runtime.cluster.head_watchdog import watch_head
from tuner.runtime.cluster.runtime_env import find_user_files
from tuner.runtime.cluster.session import check_shared_results, ray_session
from tuner.runtime.persistence import StudyRecorder, error_of
from tuner.runtime.preparation import (
    EarlierStudy,
    create_results_folder,
    load_earlier_study,
    silence_libraries,
)
from tuner.runtime.ray_tune import run_trials
from tuner.runtime.resume.optuna_study import (
    ensure_optuna_study,
    load_resume_state,
)
from tuner.runtime.resume.state import ResumeState
from tuner.runtime.resume.warm_start import TransferredTrials, load_warm_start
from tuner.schedulers.core.factory import build_scheduler
from tuner.schedulers.core.scheduler import Scheduler
from tuner.searchers.core.optuna_storage import WRITE_TIMEOUT, repair_optuna_log
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage import results_folder
from tuner.storage.event_log import EventLog
from tuner.storage.naming import open_results_store
from tuner.storage.results_store import LocalStore

RESUME_HINT = (
    "When there is room, or what is gone is back, the same command with resume=auto goes on."
)


def execute_study(plan: Plan, command: Sequence[str], console: Console) -> int:
    """Check whether a plan can be carried out, then do; return the exit status.

    Args:
        plan: Of a command without mistakes.
        command: The command.
        console: Where to tell of it.

    Raises:
        InputError: If it cannot.
    """
    place = open_results_store(plan)
    patience = Retry(
        lambda refusal: print_warnings(console, f"{refusal}; trying again."), WRITE_TIMEOUT
    )
    problems, earlier = load_earlier_study(place, plan, patience)
    if plan.settings.address is None:
        problems += check_resources(plan.settings, *local_resources(), "this machine")
    problems += [*check_data_and_networks(plan), *check_trackers(plan.settings.tracker)]
    try:
        loans = load_warm_start(plan, place.folder)
    except InputError as unfit:
        problems += unfit.problems
    if problems := problems or [*check_disk_budget(plan)]:
        raise InputError(problems)
    plan = pack_gpus(plan, local_resources()[1], partial(console.print, soft_wrap=True))
    if plan.settings.dry_run:
        print_dry_run(console, plan, *resolve_concurrency(plan.settings, *local_resources()))
        for loan in loans:
            console.print(str(loan), soft_wrap=True)
        return OK
    silence_libraries()
    with ray_session(plan.settings, find_user_files(plan)) as room, second_sigint_exits():
        print_warnings(console, *check_shared_results(place), *check_node_capacity(plan.settings))
        return start_study(plan, place, loans, command, console, room, earlier, patience)


def start_study(
    plan: Plan,
    store: LocalStore,
    transferred: Sequence[TransferredTrials],
    command: Sequence[str],
    console: Console,
    capacity: tuple[float, float],
    earlier: EarlierStudy,
    patience: Retry,
) -> int:
    """Run a plan that can be run, and leave its results.

    Args:
        plan: What to run.
        store: Where the results go.
        transferred: Trials of other studies to learn from.
        command: The command.
        console: Where to tell of it.
        capacity: Cores and GPUs that there are.
        earlier: The study that is resumed.
        patience: How to write while the storage refuses.

    Raises:
        InputError: If the results folder cannot be had after all.
    """
    at_a_time, gpu = resolve_concurrency(plan.settings, *capacity)
    folder = store.folder
    create_results_folder(store, plan)
    caution = partial(print_warnings, console)
    caution(*plan.warnings, *check_mps(gpu))
    dashboard.print_dashboard_url(plan.settings, console)
    journal = EventLog(folder, patience)
    repair_optuna_log(folder / OPTUNA_LOG)  # it may be torn since it was loaded, before the lock was taken
    rule, memory, study = load_or_create_study(
        folder, plan, transferred, command, console, earlier, patience
    )
    for record in memory.ended_unlogged:
        journal.log_end(record)
    progress = new_progress(plan, at_a_time, gpu, rule, memory)
    announce_resume(console, store, progress)
    books = StudyRecorder(store, plan, progress, journal, patience, caution)
    known: dict[str, Any] = {"journal": journal, "rule": rule, "memory": memory, "study": study}
    with ExitStack() as screen:
        shown = screen.enter_context(show_progress(progress, console))

        def tell(record: Record) -> None:
            shown.on_trial_change(record)
            books.on_trial_change(record)

        def lost(reason: str) -> int:
            ended = books.close()
            screen.close()
            return report_outcome(console, progress, store, reason, *ended)

        try:
            go = partial(run_trials, plan, store, progress, tell, gpu=gpu, caution=caution, **known)
            with watch_head(caution, lost):
                refusal = error_of(go)
        finally:
            ended = books.close()
    return report_outcome(console, progress, store, refusal, *ended)


def announce_resume(console: Console, store: LocalStore, progress: StudyProgress) -> None:
    """Tell that a study goes on, if it does."""
    if progress.records:
        ended = len(progress.ended_trials)
        console.print(f"Goes on with {store}: {ended} trials have ended.", soft_wrap=True)


def print_warnings(console: Console, *texts: str) -> None:
    """Tell what may be mistakes, or what was lost."""
    for text in texts:
        console.print(f"caution: {text}", soft_wrap=True)


def report_outcome(
    console: Console,
    progress: StudyProgress,
    store: LocalStore,
    end_reason: str,
    storage_error: str,
    interrupted: bool,
) -> int:
    """Return the exit status of a study that is over, and tell what came of it.

    Args:
        console: Where to tell.
        progress: What came of it.
        store: Where its results are.
        end_reason: What has ended it, nothing if it came to its end.
        storage_error: What could not be written at the end.
        interrupted: Whether it was ended before its time.
    """
    print_summary(console, progress, str(store), interrupted=interrupted)
    if storage_error := end_reason or storage_error:
        console.print(f"Ended early: {storage_error}. {RESUME_HINT}", soft_wrap=True)
        return FAILED
    if interrupted:
        return INTERRUPT_STATUS
    ends = {record.status for record in progress.records.values()}
    return FAILED if ends == {"failed"} else OK


def load_or_create_study(
    folder: Path,
    plan: Plan,
    transferred: Sequence[TransferredTrials],
    command: Sequence[str],
    console: Console,
    earlier: EarlierStudy,
    patience: Retry,
) -> tuple[Scheduler, ResumeState, optuna.Study]:
    """Write down what is to be run; return which trials go on, and what earlier runs came to."""
    description, before = earlier.description, earlier.optuna_study
    levels = description.earlier_levels(plan.epochs) if description else []
    rule = build_scheduler(plan, levels)
    memory = load_resume_state(folder, plan, rule, before)
    past = memory.records
    # before the plan is written down that it is made for
    study = ensure_optuna_study(
        folder, plan, rule.levels, past, transferred, before=before, patience=patience
    )
    for loan in transferred if study is not before else ():
        console.print(str(loan), soft_wrap=True)
    results_folder.write_search_yaml(
        folder, description_module.describe_study(plan, rule.levels, len(levels), command)
    )
    return rule, memory, study


def new_progress(
    plan: Plan, concurrency: int, gpu_share: float, scheduler: Scheduler, resume_state: ResumeState
) -> StudyProgress:
    """Return how far a study is that begins, or goes on."""
    settings = plan.settings
    return StudyProgress(
        plan.trials,
        scheduler.levels,
        concurrency,
        records=resume_state.records,
        goal=settings.goal,
        gpu_share=gpu_share,
        time_budget=settings.time_budget,
        disk_budget=settings.disk_budget,
        n_images=int(plan.variants[0].fixed["data"]["validation"]),
    )
