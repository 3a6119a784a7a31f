"""Before a study runs: load the study to resume, create the results folder and the Optuna study."""

import logging
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import optuna
from rich.console import Console

from trainables.errors import InputError
from trainables.io.retry import Retry
from tuner.config.description import describe_code_changes, describe_study
from tuner.config.plan import Plan
from tuner.layout import EVENT_LOG_FILE, SEARCH_FILE
from tuner.runtime.announcement import announce_study
from tuner.runtime.resume.compatibility import (
    StudyDescription,
    find_differences,
    keep_former_behaviour,
    read_description,
)
from tuner.runtime.resume.interrupted_studies import StudyChoice
from tuner.runtime.resume.optuna_study import (
    ensure_optuna_study,
    incompatible_trials,
    load_resume_state,
)
from tuner.runtime.resume.state import ResumeState
from tuner.runtime.resume.warm_start import TransferredTrials
from tuner.schedulers.core.factory import build_scheduler
from tuner.schedulers.core.scheduler import Scheduler
from tuner.searchers.core.optuna_storage import load_optuna_study
from tuner.state.study import StudyProgress
from tuner.storage.checkpoint_retention import delete_unnamed_checkpoints
from tuner.storage.event_log import EventLog, describe_running
from tuner.storage.naming import check_results_folder
from tuner.storage.results_folder import write_search_yaml
from tuner.storage.results_store import LocalStore, RemoteStore
from tuner.storage.safe_files import check_links, is_locked


@dataclass(frozen=True)
class EarlierStudy:
    """The files of a study that is resumed, each loaded once.

    Attributes:
        description: Its `search.yaml`, or `None` if there is none.
        optuna_study: Its Optuna study, or `None` if there is none.
        plan: The plan that resumes it, in which knobs that it is older than keep what it did
            before; `None` if there is none.
    """

    description: StudyDescription | None = None
    optuna_study: optuna.Study | None = None
    plan: Plan | None = None


def load_earlier_study(
    store: LocalStore, plan: Plan, retry: Retry
) -> tuple[list[str], EarlierStudy]:
    """Load the study that a plan resumes, if it resumes one.

    Args:
        store: The results folder.
        plan: The plan.
        retry: Repeats writes to the Optuna study that the storage refuses.

    Returns:
        Why the study can neither be resumed nor created, and what was loaded.

    Raises:
        InputError: If the Optuna study or the event log cannot be read.
    """
    folder = store.folder
    if not (folder / EVENT_LOG_FILE).exists() or plan.settings.resume != "auto":
        return list(check_results_folder(store)), EarlierStudy()
    if not (folder / SEARCH_FILE).exists() and not (folder / EVENT_LOG_FILE).stat().st_size:
        return [], EarlierStudy()  # the process was killed before the study began
    if is_locked(folder / EVENT_LOG_FILE):
        return [describe_running(folder)], EarlierStudy()
    problems = list(check_links(folder))
    try:
        description = read_description(folder)
    except InputError as error:
        return [*problems, *error.problems], EarlierStudy()
    description, plan = keep_former_behaviour(description, plan)
    problems += find_differences(description, plan)
    if problems:
        return problems, EarlierStudy()
    optuna_study = load_optuna_study(folder, retry)
    return list(incompatible_trials(folder, plan)), EarlierStudy(description, optuna_study, plan)


def print_study(store: LocalStore, plan: Plan, choice: StudyChoice, console: Console) -> None:
    """Print which study begins or is resumed, its results folder, and which others there are."""
    searched = plan.settings.resume == "auto" and not plan.settings.name
    is_resumed = plan.settings.resume == "auto" and (store.folder / EVENT_LOG_FILE).exists()
    state = "Resuming" if is_resumed else "New study"
    words = [f"{state} {store.folder.name}: results in {store}"]
    names = ", ".join(folder.name for folder in choice.interrupted)
    if names:
        words.append(f"Interrupted too: {names}; to resume another study, type its name=NAME.")
    elif searched and not is_resumed:
        extend = [f"; to extend {each.name}, type name={each.name}" for each in choice.finished[:1]]
        words.append(f"No study of this space and method was interrupted{''.join(extend)}.")
    if choice.different:
        different = ", ".join(folder.name for folder in choice.different)
        words.append(f"Not resumed, since this command differs from theirs: {different}.")
    if choice.running:
        running = ", ".join(folder.name for folder in choice.running)
        words.append(f"Not resumed, since another process is running it: {running}.")
    for text in words:
        console.print(text, soft_wrap=True)
    if not plan.settings.dry_run:  # which prints a plan instead
        announce_study(plan, store, console, is_resumed=is_resumed)


def create_results_folder(store: LocalStore, plan: Plan) -> None:
    """Create the results folder; it may exist only if the plan resumes a study.

    Raises:
        InputError: If that fails.
    """
    folder = store.folder
    if isinstance(store, RemoteStore):
        store.create_folder()
    try:
        folder.mkdir(parents=True, exist_ok=plan.settings.resume == "auto")
    except OSError as error:
        raise InputError([f"results: cannot create {folder} ({error})."]) from None
    if isinstance(store, RemoteStore):
        store.mark_as_copy()


def create_or_resume_study(
    folder: Path,
    plan: Plan,
    transferred: Sequence[TransferredTrials],
    command: Sequence[str],
    console: Console,
    earlier: EarlierStudy,
    retry: Retry,
) -> tuple[Scheduler, ResumeState, optuna.Study, dict[str, object]]:
    """Replay earlier runs into the scheduler; write the Optuna study and `search.yaml`.

    Args:
        folder: The results folder.
        plan: The plan.
        transferred: Trials of other studies for a new Optuna study.
        command: The command line, for `search.yaml`.
        console: Where to print which trials were transferred.
        earlier: The study that is resumed; empty for a new one.
        retry: Repeats writes that the storage refuses.

    Returns:
        The scheduler, the state of earlier runs, the Optuna study and the content of `search.yaml`.

    Raises:
        InputError: If the event log cannot be read.
    """
    description, before = earlier.description, earlier.optuna_study
    levels = description.earlier_levels(plan.epochs) if description else []
    scheduler = build_scheduler(plan, levels)
    resume_state = load_resume_state(folder, plan, scheduler, before)
    # before search.yaml: a process killed in between leaves the old plan with the old study
    study = ensure_optuna_study(
        folder,
        plan,
        scheduler.levels,
        resume_state.records,
        transferred,
        before=before,
        retry=retry,
    )
    for trials in transferred if study is not before else ():
        console.print(str(trials), soft_wrap=True)
    for text in describe_code_changes(description.content, plan) if description else ():
        console.print(f"caution: {text}", soft_wrap=True)
    content = describe_study(plan, scheduler.levels, len(levels), command)
    write_search_yaml(folder, content)
    return scheduler, resume_state, study, content


def complete_earlier_run(store: LocalStore, resume_state: ResumeState, event_log: EventLog) -> None:
    """Log what a killed process did not log, and delete the checkpoints that it left."""
    for record in resume_state.ended_unlogged:
        event_log.log_checkpoint(record)  # its last one may not have been logged either
        event_log.log_end(record)
        record.previous_checkpoint = ""  # deleted below, as at the end of any trial
    if resume_state.records:
        delete_unnamed_checkpoints(store, resume_state.records.values(), event_log)


def build_progress(
    plan: Plan,
    concurrency: int,
    gpu_share: float,
    scheduler: Scheduler,
    resume_state: ResumeState,
    clock: Callable[[], float],
) -> StudyProgress:
    """Return the state of a study at its start, with the trials of earlier runs."""
    settings = plan.settings
    for number, record in resume_state.records.items():
        record.is_paused = resume_state.is_paused(number)
    return StudyProgress(
        plan.trials,
        scheduler.levels,
        concurrency,
        records=resume_state.records,
        clock=clock,
        goal=settings.goal,
        gpu_share=gpu_share,
        time_budget=settings.time_budget,
        disk_budget=settings.disk_budget,
        forecast=scheduler,
        max_seeds=settings.seeds,
        all_seeds=plan.is_single,
        class_balances={variant.label: variant.class_balance for variant in plan.variants},
        train_images={variant.label: variant.n_train for variant in plan.variants},
        n_images=count_validation_images(plan),
    )


def count_validation_images(plan: Plan) -> int:
    """Return the images of the validation split, which is the same in all variants."""
    images = plan.variants[0].fixed["data"]["validation"]
    assert isinstance(images, int)
    return images


def silence_libraries() -> None:
    """Keep Ray and Optuna from printing over the live table."""
    for name in ("ray", "ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the table reports failed trials
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=FutureWarning, module="ray")
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
