"""The driver of a study: check the plan, create or resume the study, run it, save its results."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from functools import partial

from rich.console import Console

from trainables.io.retry import Retry
from tuner.cli.command import OK
from tuner.cli.console import JsonConsole, show_waiting
from tuner.cli.signals import second_sigint_exits, was_terminated
from tuner.config.plan import Plan
from tuner.config.preflight.data_and_network import add_class_balance
from tuner.config.preflight.dry_run import print_dry_run
from tuner.config.preflight.gpu_packing import pack_gpus
from tuner.config.resources import local_resources, resolve_concurrency
from tuner.layout import OPTUNA_FILE
from tuner.monitoring.display import show_progress
from tuner.runtime.checked_study import check_study, preview_study, print_warnings
from tuner.runtime.cluster.capacity import check_node_capacity
from tuner.runtime.cluster.dashboard import print_dashboard_url
from tuner.runtime.cluster.early_start import starting_ray
from tuner.runtime.cluster.mps import Mps, mps_for_shared_gpus, mps_hints
from tuner.runtime.cluster.runtime_env import find_user_files
from tuner.runtime.cluster.session import check_shared_results, ray_session
from tuner.runtime.outcome import Outcome, print_resume_command, report_outcome
from tuner.runtime.persistence import StudyRecorder, error_of
from tuner.runtime.preparation import (
    EarlierStudy,
    build_progress,
    complete_earlier_run,
    create_or_resume_study,
    create_results_folder,
    silence_libraries,
)
from tuner.runtime.ray_tune import RayRuntime
from tuner.runtime.resume.warm_start import TransferredTrials
from tuner.runtime.study_core import Runtime, build_study_core
from tuner.schedulers.core.scheduler import Scheduler
from tuner.searchers.core.optuna_storage import repair_optuna_log
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage.event_log import EventLog
from tuner.storage.results_store import LocalStore


def execute_study(plan: Plan, command: Sequence[str], console: Console) -> Outcome:
    """Check a plan against this machine and the results folder, then run it.

    Args:
        plan: The plan of a valid command.
        command: The command line, for `search.yaml`.
        console: Where to print.

    Raises:
        InputError: If the plan cannot be executed; it names all problems.
    """
    if plan.settings.log == "json" and not isinstance(console, JsonConsole):
        console = JsonConsole(
            console.file, quiet=console.quiet
        )  # it was asked for in another way than log=json
    if plan.settings.dry_run:
        study_plan = preview_study(plan, console)
        print_dry_run(console, study_plan)
        return Outcome(OK, study_plan.folder)
    with starting_ray(plan.settings) as wait_for_ray:
        return check_and_run(plan, command, console, wait_for_ray)


def check_and_run(
    plan: Plan,
    command: Sequence[str],
    console: Console,
    wait_for_ray: Callable[[], None] | None,
) -> Outcome:
    """Do what `execute_study` does, while Ray may be starting.

    Args:
        plan: The plan of a valid command.
        command: The command line, for `search.yaml`.
        console: Where to print.
        wait_for_ray: Waits for the Ray that is starting; `None`: none is.

    Raises:
        InputError: If the plan cannot be executed; it names all problems.
    """
    checked = check_study(plan, console)
    plan, store = checked.plan, checked.store
    with mps_for_shared_gpus(plan.settings, local_resources()[1]) as mps:
        plan = pack_gpus(plan, *local_resources(), partial(console.print, soft_wrap=True))
        if not 0 < resolve_concurrency(plan.settings, *local_resources())[1] < 1:
            mps.stop()
        plan = add_class_balance(plan)
        start = partial(
            start_study,
            plan,
            store,
            checked.transferred,
            command,
            console,
            checked.earlier,
            checked.retry,
            RayRuntime(checked.retry.timeout),
        )
        return run_on_ray(plan, store, console, mps, wait_for_ray, start)


def run_on_ray(
    plan: Plan,
    store: LocalStore,
    console: Console,
    mps: Mps,
    wait_for_ray: Callable[[], None] | None,
    start: Callable[..., Outcome],
) -> Outcome:
    """Start or join Ray and run a study there; return how it ended.

    Args:
        plan: The plan.
        store: The results folder.
        console: Where to print.
        mps: Lets trials that share a GPU compute at the same time.
        wait_for_ray: Waits for the Ray that is starting; `None`: none is.
        start: Runs the study with `concurrency` trials of `gpu_share` each.
    """
    settings = plan.settings
    silence_libraries()
    session = ray_session(settings, find_user_files(plan), wait_for_ray)
    with ExitStack() as stack:
        with show_waiting(console, f"{'Joining' if settings.address else 'Starting'} Ray ..."):
            capacity = stack.enter_context(session)
        stack.enter_context(second_sigint_exits())
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
) -> Outcome:
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
        How the study ended.

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
        table = screen.enter_context(
            show_progress(
                progress, console, plan.settings.log, is_local=plan.settings.address is None
            )
        )

        def on_trial_change(record: Record) -> None:
            table.on_trial_change(record)
            recorder.on_trial_change(record)

        finish = partial(
            finish_study, console, progress, store, recorder, screen, command, scheduler
        )
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
            with runtime.guard(warn, lambda reason: finish(reason).status):
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
    scheduler: Scheduler,
    end_reason: str,
) -> Outcome:
    """Save the results of a study that is over and print its summary; return how it ended.

    Args:
        console: Where to print.
        progress: The state of the study.
        store: The results folder.
        recorder: Saves the results.
        screen: Holds the live table.
        command: The command of the study.
        scheduler: Its scheduler.
        end_reason: The error that ended the study early; empty if there was none.
    """
    can_be_complete = not end_reason and not was_terminated.is_set()
    storage_error, interrupted = recorder.close(can_be_complete=can_be_complete)
    screen.close()
    if was_terminated.is_set():  # with its whole process group, Ray's processes are ended too
        end_reason, interrupted = "", True
    if finding := scheduler.describe_findings():
        console.print(f"Early stopping: {finding}", soft_wrap=True)
    return report_outcome(console, progress, store, end_reason, storage_error, interrupted, command)
