"""The driver of a study: check the plan, create or resume the study, run it, save its results."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from rich.console import Console

from trainables.errors import InputError
from trainables.io.retry import Retry
from tuner.cli.command import OK
from tuner.cli.signals import second_sigint_exits, was_terminated
from tuner.config.plan import Plan
from tuner.config.preflight.data_and_network import (
    add_class_balance,
    check_data_and_networks,
    print_data,
)
from tuner.config.preflight.dry_run import print_dry_run
from tuner.config.preflight.estimate import check_disk_budget
from tuner.config.preflight.gpu_packing import pack_gpus
from tuner.config.preflight.initial_weights import check_initial_weights, check_teachers
from tuner.config.resources import check_resources, local_resources, resolve_concurrency
from tuner.config.settings import Settings
from tuner.layout import OPTUNA_FILE
from tuner.monitoring.live_table import show_progress
from tuner.monitoring.tracking import check_trackers
from tuner.runtime.cluster.capacity import check_node_capacity
from tuner.runtime.cluster.dashboard import print_dashboard_url
from tuner.runtime.cluster.mps import Mps, mps_for_shared_gpus, mps_hints
from tuner.runtime.cluster.runtime_env import find_user_files
from tuner.runtime.cluster.session import check_shared_results, ray_session
from tuner.runtime.outcome import print_resume_command, report_outcome
from tuner.runtime.persistence import StudyRecorder, error_of
from tuner.runtime.preparation import (
    EarlierStudy,
    build_progress,
    complete_earlier_run,
    create_or_resume_study,
    create_results_folder,
    load_earlier_study,
    print_study,
    silence_libraries,
)
from tuner.runtime.ray_tune import RayRuntime
from tuner.runtime.resume.interrupted_studies import choose_study
from tuner.runtime.resume.warm_start import TransferredTrials, load_warm_start
from tuner.runtime.study_core import Runtime, build_study_core
from tuner.schedulers.core.factory import build_scheduler
from tuner.searchers.core.optuna_storage import WRITE_TIMEOUT, repair_optuna_log
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage.event_log import EventLog
from tuner.storage.naming import open_results_store
from tuner.storage.results_store import LocalStore


def execute_study(plan: Plan, command: Sequence[str], console: Console) -> int:
    """Check a plan against this machine and the results folder, then run it.

    Args:
        plan: The plan of a valid command.
        command: The command line, for `search.yaml`.
        console: Where to print.

    Returns:
        The exit status.

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
    with mps_for_shared_gpus(plan.settings, local_resources()[1]) as mps:
        plan = pack_gpus(plan, *local_resources(), partial(console.print, soft_wrap=True))
        concurrency, gpu = resolve_concurrency(plan.settings, *local_resources())
        if plan.settings.dry_run or not 0 < gpu < 1:
            mps.stop()
        if plan.settings.dry_run:
            note = build_scheduler(plan).note
            print_dry_run(console, plan, concurrency, gpu, note=note)
            for trials in transferred:
                console.print(str(trials), soft_wrap=True)
            return OK
        plan = add_class_balance(plan)
        start = partial(
            start_study,
            plan,
            store,
            transferred,
            command,
            console,
            earlier,
            retry,
            RayRuntime(retry.timeout),
        )
        return run_on_ray(plan.settings, store, console, mps, find_user_files(plan), start)


def check_networks(plan: Plan, console: Console) -> list[str]:
    """Return the problems of images, networks and initial weights; print what was loaded."""
    if problems := check_data_and_networks(plan):
        return problems
    problems, notes = check_initial_weights(plan)
    for note in notes:
        console.print(f"init: {note}", soft_wrap=True)
    return problems + check_teachers(plan)


def run_on_ray(
    settings: Settings,
    store: LocalStore,
    console: Console,
    mps: Mps,
    user_files: Iterable[Path],
    start: Callable[..., int],
) -> int:
    """Start or join Ray and run a study there; return the exit status.

    Args:
        settings: Settings of the study.
        store: The results folder.
        console: Where to print.
        mps: Lets trials that share a GPU compute at the same time.
        user_files: User-supplied files that trials import.
        start: Runs the study with `concurrency` trials of `gpu_share` each.
    """
    silence_libraries()
    console.print(f"{'Joining' if settings.address else 'Starting'} Ray ...")
    with ray_session(settings, user_files) as capacity, second_sigint_exits():
        print_warnings(console, *check_shared_results(store), *check_node_capacity(settings))
        print_dashboard_url(settings, console)
        concurrency, gpu = resolve_concurrency(settings, *capacity)
        if settings.mps:
            print_warnings(console, *mps_hints(gpu, mps.error))
        return start(concurrency=concurrency, gpu_share=gpu)


def start_study(
    plan: Plan,
    store: LocalStore,
    transferred: Sequence[TransferredTrials],
    command: Sequence[str],
    console: Console,
    earlier: EarlierStudy,
    retry: Retry,
    runtime: Runtime,
    *,
    concurrency: int,
    gpu_share: float = 0.0,
) -> int:
    """Create or resume the study of a checked plan, run its trials and save the results.

    Args:
        plan: The plan.
        store: The results folder.
        transferred: Trials of other studies, from which the searcher starts.
        command: The command line, for `search.yaml`.
        console: Where to print.
        earlier: The study that is resumed; empty for a new one.
        retry: Repeats writes that the storage refuses.
        runtime: Runs the trials.
        concurrency: Trials at a time.
        gpu_share: Share of a GPU for each trial.

    Returns:
        The exit status.

    Raises:
        InputError: If the results folder cannot be created or is in use.
    """
    warn = partial(print_warnings, console)
    create_results_folder(store, plan)
    warn(*plan.warnings)
    # the event log locks the folder
    with closing(EventLog(store.folder, retry)) as event_log, ExitStack() as screen:
        # another process may have torn it between the load and the lock
        repair_optuna_log(store.folder / OPTUNA_FILE)
        scheduler, resume_state, study, content = create_or_resume_study(
            store.folder, plan, transferred, command, console, earlier, retry
        )
        complete_earlier_run(store, resume_state, event_log)
        progress = build_progress(
            plan, concurrency, gpu_share, scheduler, resume_state, runtime.monotonic
        )
        if progress.records:
            console.print(f"{len(progress.ended_trials)} trials already finished.")
        if scheduler.note:
            console.print(f"Early stopping: {scheduler.note}", soft_wrap=True)
        recorder = StudyRecorder(store, plan, progress, event_log, retry, warn, content)
        table = screen.enter_context(show_progress(progress, console))

        def on_trial_change(record: Record) -> None:
            table.on_trial_change(record)
            recorder.on_trial_change(record)

        finish = partial(finish_study, console, progress, store, recorder, screen, command)
        core = build_study_core(
            plan,
            store,
            progress,
            on_trial_change,
            event_log=event_log,
            scheduler=scheduler,
            resume_state=resume_state,
            study=study,
            warn=warn,
        )
        console.print("Starting trials; each reports after its first epoch.")
        try:
            with runtime.guard(warn, finish):
                end_reason = error_of(partial(runtime.run, core))
        except BaseException:
            recorder.close()
            screen.close()
            print_resume_command(console, command, store)
            raise
        return finish(end_reason)


def finish_study(
    console: Console,
    progress: StudyProgress,
    store: LocalStore,
    recorder: StudyRecorder,
    screen: ExitStack,
    command: Sequence[str],
    end_reason: str,
) -> int:
    """Save the results of a study that is over and print its summary; return the exit status.

    Args:
        console: Where to print.
        progress: The state of the study.
        store: The results folder.
        recorder: Saves the results.
        screen: Holds the live table.
        command: The command of the study.
        end_reason: The error that ended the study early; empty if there was none.
    """
    can_be_complete = not end_reason and not was_terminated.is_set()
    storage_error, interrupted = recorder.close(can_be_complete=can_be_complete)
    screen.close()
    if was_terminated.is_set():  # with its whole process group, Ray's processes are ended too
        end_reason, interrupted = "", True
    return report_outcome(console, progress, store, end_reason, storage_error, interrupted, command)


def print_warnings(console: Console, *texts: str) -> None:
    """Print each text as a warning."""
    for text in texts:
        console.print(f"caution: {text}", soft_wrap=True)
