"""A study that is ready to run: its parts, connected, for any runtime."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import optuna

from tuner.config.plan import Plan
from tuner.layout import TRIALS_FOLDER
from tuner.runtime.resume.state import ResumeState
from tuner.runtime.study_events import StudyEvents
from tuner.runtime.trial_queue import TrialQueue
from tuner.schedulers.core.scheduler import Scheduler
from tuner.searchers.core.factory import build_sampler_factory, is_grid_search
from tuner.searchers.core.optuna_searcher import OptunaSearcher
from tuner.state.seed_racing import SeedLimits
from tuner.state.study import StudyProgress
from tuner.state.trial import Record
from tuner.storage.checkpoint_retention import CheckpointRetention
from tuner.storage.event_log import EventLog
from tuner.storage.results_store import LocalStore


@dataclass(frozen=True, kw_only=True)
class StudyCore:
    """The parts of a study that are the same on every runtime.

    Attributes:
        plan: The plan.
        store: The results folder.
        progress: The state of the study; kept up to date.
        queue: Gives out the runs of trials.
        events: Is notified of everything that happens to a run.
        folder: Where the runtime writes, one folder per run in it.
        shared_config: The part of a configuration that is equal in all trials.
        warn: Called with warnings for the user.
    """

    plan: Plan
    store: LocalStore
    progress: StudyProgress
    queue: TrialQueue
    events: StudyEvents
    folder: Path
    shared_config: Mapping[str, object]
    warn: Callable[[str], None]


class Runtime(Protocol):
    """Runs the trials of a study."""

    def monotonic(self) -> float:
        """Return the time in seconds, which never goes back."""

    def run(self, core: StudyCore) -> None:
        """Run every trial that the queue gives out; report to `core.events`."""

    def guard(
        self, warn: Callable[[str], None], on_lost: Callable[[str], int]
    ) -> AbstractContextManager[None]:
        """Return a context in which the loss of the runtime itself ends the study.

        Args:
            warn: Called with warnings for the user.
            on_lost: Called with the reason; saves the results and returns the exit status.
        """


def build_study_core(
    plan: Plan,
    store: LocalStore,
    progress: StudyProgress,
    notify: Callable[[Record], None],
    *,
    event_log: EventLog,
    scheduler: Scheduler,
    resume_state: ResumeState,
    study: optuna.Study,
    warn: Callable[[str], None],
) -> StudyCore:
    """Connect the parts of a study.

    Args:
        plan: The plan.
        store: The results folder.
        progress: The state of the study; kept up to date.
        notify: Called with each trial that started, reported or ended.
        event_log: The log of all trial events.
        scheduler: Decides which trials continue.
        resume_state: The state of earlier runs.
        study: The Optuna study of the results folder.
        warn: Called with warnings for the user.
    """
    settings, retry = plan.settings, event_log.retry
    folder = store.folder / TRIALS_FOLDER / str(retry("the results", store.count_runs) + 1)
    retry_copy = partial(retry, "a copy of a checkpoint")

    def find_checkpoint(record: Record, *, own: bool) -> str:
        return retry_copy(partial(locate_checkpoint, store, folder, record, own=own))

    seeds = SeedLimits(settings.seeds, progress.n_images, all_configurations=plan.is_single)
    searcher = build_searcher(plan, study, resume_state.records, scheduler)
    queue = TrialQueue(searcher, scheduler, resume_state, plan.trials, find_checkpoint, seeds)
    queue.fetch = lambda path: retry_copy(partial(store.fetch_trial_checkpoints, path))
    resume_state.delete_checkpoint = store.delete_checkpoint
    if settings.time_budget is not None:
        queue.time_is_short = partial(is_past_half_time, progress, settings.time_budget)
    retention = CheckpointRetention(store, progress, event_log, warn)
    if resume_state.ended_unlogged:
        retention.enforce_budget()  # it was not called when these trials ended
    events = StudyEvents(
        progress,
        plan.knob_columns,
        notify,
        event_log,
        queue,
        retention.enforce_budget,
        warn,
        store,
    )
    shared = plan.shared_config() | {
        "levels": [asdict(level) for level in scheduler.levels],
        "rungs": [asdict(rung) for rung in scheduler.rungs],
    }
    return StudyCore(
        plan=plan,
        store=store,
        progress=progress,
        queue=queue,
        events=events,
        folder=folder,
        shared_config=shared,
        warn=warn,
    )


def run_name(config: Mapping[str, object]) -> str:
    """Return the name of a run: the number of its trial, with the count of resumptions if any."""
    number, times_resumed = config["trial"], config["went_on"]
    return f"{number}-{times_resumed}" if times_resumed else str(number)


def is_past_half_time(progress: StudyProgress, budget: float) -> bool:
    """Return whether more than half of the time budget is used."""
    return progress.elapsed_seconds > budget / 2


def locate_checkpoint(store: LocalStore, ray_folder: Path, record: Record, *, own: bool) -> str:
    """Return the path of the newest checkpoint of a trial, for itself or for another trial.

    For another trial it is copied, because Ray may replace the original meanwhile.

    Raises:
        OSError: If the copy fails.
    """
    if own:
        return store.to_address(record.checkpoint)
    return store.copy_checkpoint(record.checkpoint, ray_folder, record.trial_id)


def build_searcher(
    plan: Plan, study: optuna.Study, records: Mapping[str, Record], scheduler: Scheduler
) -> OptunaSearcher:
    """Return the searcher that proposes configurations."""
    return OptunaSearcher(
        plan.variants,
        build_sampler_factory(plan),
        listed=is_grid_search(plan),
        levels=scheduler.levels,
        goal=plan.settings.goal,
        study=study,
        records=records,
    )
