"""Run the trials of a plan with Ray Tune; the only module that builds a `Tuner`."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.logger import JsonLoggerCallback
from ray.tune.trainable.function_trainable import wrap_function

from trainables.training.ray_trainable import trainable
from tuner.config.plan import Plan
from tuner.config.resources import device_config
from tuner.layout import TRIALS_FOLDER
from tuner.monitoring.prometheus import PrometheusCallback
from tuner.runtime.callbacks import StudyCallback
from tuner.runtime.cluster.session import clear_node_caches
from tuner.runtime.hang_watchdog import HangWatchdog
from tuner.runtime.ray_scheduler import RuleScheduler
from tuner.runtime.resume.state import ResumeState
from tuner.runtime.time_limit import TimeLimitStopper
from tuner.runtime.trial_queue import SeedLimits, TrialQueue
from tuner.schedulers.core.scheduler import Scheduler
from tuner.searchers.core.factory import build_sampler_factory, is_grid_search
from tuner.searchers.core.optuna_searcher import OptunaSearcher
from tuner.state.study import StudyProgress
from tuner.state.trial import Record, distinguishing_knobs
from tuner.storage.checkpoint_retention import CheckpointRetention
from tuner.storage.event_log import EventLog
from tuner.storage.results_store import LocalStore

OUTPUT_FILE = "output.txt"
"""What a trial prints, in its folder below `trials/`."""
SYNC_SECONDS = 30
"""Seconds between two copies of that file; the last copy is made when the trial ends."""


def run_trials(
    plan: Plan,
    store: LocalStore,
    progress: StudyProgress,
    notify: Callable[[Record], None],
    *,
    gpu: float,
    event_log: EventLog,
    scheduler: Scheduler,
    resume_state: ResumeState,
    study: optuna.Study,
    warn: Callable[[str], None],
) -> None:
    """Run every trial of a plan that has not ended.

    Args:
        plan: The plan.
        store: The results folder; Ray writes to `trials/N/` in it, one folder per run.
        progress: The state of the study; kept up to date.
        notify: Called with each trial that started, reported or ended.
        gpu: Share of a GPU for each trial.
        event_log: The log of all trial events.
        scheduler: Decides which trials continue.
        resume_state: The state of earlier runs.
        study: The Optuna study of the results folder.
        warn: Called with warnings for the user.
    """
    settings = plan.settings
    retry = event_log.retry
    files = store.folder / TRIALS_FOLDER / str(retry("the results", store.count_runs) + 1)
    searcher = build_searcher(plan, study, resume_state.records, scheduler)
    is_single = not plan.domains_by_knob and len(plan.variants) == 1
    seeds = SeedLimits(settings.seeds, progress.n_images, all_configurations=is_single)
    retry_copy = partial(retry, "a copy of a checkpoint")

    def find_checkpoint(record: Record, *, own: bool) -> str:
        return retry_copy(partial(locate_checkpoint, store, files, record, own=own))

    queue = TrialQueue(searcher, scheduler, resume_state, plan.trials, find_checkpoint, seeds)
    queue.fetch = lambda path: retry_copy(partial(store.fetch_trial_checkpoints, path))
    resume_state.delete_checkpoint = store.delete_checkpoint
    if settings.time_budget is not None:
        queue.time_is_short = partial(is_past_half_time, progress, settings.time_budget)
    retention = CheckpointRetention(store, progress, event_log, warn)
    watchdog = HangWatchdog(settings.report_limit, retry.timeout, warn)
    callback = StudyCallback(*(
        progress,
        plan.knob_columns,
        notify,
        event_log,
        queue,
        retention.enforce_budget,
        watchdog.kill_reasons,
        warn,
        store,
    ))
    shared = plan.shared_config() | {"levels": [asdict(level) for level in scheduler.levels]}
    shared |= {"study": uuid4().hex}
    if settings.dashboard:
        shared["columns"] = plan.knob_columns
    tuner = tune.Tuner(
        tune.with_resources(
            NamedTrial if settings.dashboard else trainable, {"cpu": settings.cpu, "gpu": gpu}
        ),
        param_space=shared | device_config(gpu),
        tune_config=tune.TuneConfig(
            num_samples=-1,  # the queue decides when the study is done
            max_concurrent_trials=progress.concurrency,
            search_alg=queue,
            scheduler=RuleScheduler(callback.log_and_decide),
            reuse_actors=not settings.dashboard,  # the dashboard shows one name per process
            trial_name_creator=trial_name,
            trial_dirname_creator=trial_name,
        ),
        run_config=tune.RunConfig(
            name=files.name,
            stop=TimeLimitStopper(progress.started_at, settings.time_budget),
            **store.ray_storage(files.parent),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=2),
            callbacks=[
                callback,
                watchdog,
                PrometheusCallback(progress, store.folder.name),
                JsonLoggerCallback(),  # type: ignore[no-untyped-call]
            ],
            log_to_file=(OUTPUT_FILE, OUTPUT_FILE),
            sync_config=tune.SyncConfig(
                sync_period=SYNC_SECONDS, sync_artifacts=True, sync_artifacts_on_checkpoint=False
            ),
            verbose=0,
        ),
    )
    try:
        tuner.fit()
    finally:
        clear_node_caches(shared["study"])


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


def trial_name(trial: Trial) -> str:
    """Return the number of a trial, with the count of its resumptions if any."""
    number, went_on = trial.config["trial"], trial.config["went_on"]
    return f"{number}-{went_on}" if went_on else str(number)


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


class NamedTrial(wrap_function(trainable)):  # type: ignore[misc]
    """A trial whose actor the dashboard lists by its number and knobs."""

    def setup(self, config: dict[str, Any]) -> None:
        """Set the name that Ray reads once, when the process has started."""
        knobs = distinguishing_knobs(config, config["columns"])
        words = [f"trial {config['trial']}", *(f"{path}={value}" for path, value in knobs.items())]
        self._name = " ".join(words)
        super().setup(config)
