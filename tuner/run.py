"""A plan, run: the only file that builds Ray's Tuner."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import optuna
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.logger import JsonLoggerCallback

from trainables.bind import bind_member
from trainables.injection import inject
from trainables.levels import Level
from trainables.trainable import trainable
from tuner.agenda import TrialQueue, SeedLimits
from tuner.cluster import clear_node_caches
from tuner.dashboard import NamedTrial
from tuner.deadline import TimeLimitStopper
from tuner.disk import CheckpointRetention
from tuner.gauges import PrometheusCallback
from tuner.journal import EventLog
from tuner.ladder import FidelityPlan
from tuner.place import LocalStore
from tuner.plan import Plan
from tuner.progress import StudyProgress
from tuner.recall import ResumeState
from tuner.record import Record
from tuner.resources import count_concurrent_trials, gpu_share_per_trial
from tuner.rule import Scheduler
from tuner.scheduling import RuleScheduler
from tuner.searcher import OptunaSearcher
from tuner.settings import Settings
from tuner.shortlist import TrialSubset
from tuner.study_groups import STUDY_GROUPS
from tuner.vigil import HangWatchdog
from tuner.watch import StudyCallback
from tuner.working_copy import TRIALS_FOLDER

OUTPUT_FILE = "output.txt"
"""What a trial prints, in its folder among them."""
SYNC_SECONDS = 30
"""Seconds between two copies of it there; another is made when the trial ends."""
SEED_STRIDE = 100_003
"""Between the seeds of studies, so that the draws of one trial are not those of another study's."""


@dataclass(frozen=True, kw_only=True)
class SchedulerContext:
    """What the `build` of a scheduler may name.

    Attributes:
        course: How far trials may go.
        searched: Domain of each searched knob by path.
        seed: Seed of the study.
    """

    course: FidelityPlan
    searched: Mapping[str, object]
    seed: int


@dataclass(frozen=True, kw_only=True)
class SearcherContext:
    """What the `build` of a searcher may name.

    Attributes:
        seed: Seed of the draws of one trial.
        study_seed: Seed of the study.
        shortlist: Trials that a model is fitted to, shared by all samplers of a study.
    """

    seed: int
    study_seed: int
    shortlist: TrialSubset


def run_trials(
    plan: Plan,
    store: LocalStore,
    progress: StudyProgress,
    notify: Callable[[Record], None],
    *,
    gpu: float,
    journal: EventLog,
    rule: Scheduler,
    memory: ResumeState,
    study: optuna.Study,
    caution: Callable[[str], None],
) -> None:
    """Run every trial of a plan that has not ended.

    Args:
        plan: What to run.
        store: The results folder; Ray's own files go into its `trials/`, a folder a run.
        progress: Kept up to date.
        notify: Called with a trial that began, reported or ended.
        gpu: Share of a GPU for each trial.
        journal: Where everything that happens is written down.
        rule: Which trials go on.
        memory: What earlier runs have come to.
        study: The Optuna study of the results folder.
        caution: Called with what may be a mistake and comes up on the way.
    """
    settings = plan.settings
    patiently = journal.retry
    files = store.folder / TRIALS_FOLDER / str(patiently("the results", store.count_runs) + 1)
    proposer = build_searcher(plan, study, memory.records, rule)
    alone = not plan.domains_by_knob and len(plan.variants) == 1
    seeds = SeedLimits(settings.seeds, progress.n_images, all_configurations=alone)
    keep = partial(patiently, "a copy of a checkpoint")

    def find(record: Record, *, own: bool) -> str:
        return keep(partial(locate_checkpoint, store, files, record, own=own))

    agenda = TrialQueue(proposer, rule, memory, plan.trials, find, seeds)
    agenda.fetch = lambda path: keep(partial(store.fetch_trial_checkpoints, path))
    memory.delete_checkpoint = store.delete_checkpoint
    if settings.time_budget is not None:
        agenda.time_is_short = partial(is_past_half_time, progress, settings.time_budget)
    disk = CheckpointRetention(store, progress, journal, caution)
    vigil = HangWatchdog(settings.report_limit, patiently.timeout, caution)
    watch = StudyCallback(*(
        progress,
        plan.knob_columns,
        notify,
        journal,
        agenda,
        disk.enforce_budget,
        vigil.kill_reasons,
        caution,
        store,
    ))
    shared = plan.shared_config() | {"levels": [asdict(level) for level in rule.levels]}
    shared |= {"study": uuid4().hex}
    if settings.dashboard:
        shared["columns"] = plan.knob_columns
    tuner = tune.Tuner(
        tune.with_resources(
            NamedTrial if settings.dashboard else trainable, {"cpu": settings.cpu, "gpu": gpu}
        ),
        param_space=shared | device_config(gpu),
        tune_config=tune.TuneConfig(
            num_samples=-1,  # the agenda says when all is done
            max_concurrent_trials=progress.concurrency,
            search_alg=agenda,
            scheduler=RuleScheduler(watch.log_and_decide),
            reuse_actors=not settings.dashboard,  # which knows a process by one name
            trial_name_creator=trial_name,
            trial_dirname_creator=trial_name,
        ),
        run_config=tune.RunConfig(
            name=files.name,
            stop=TimeLimitStopper(progress.started_at, settings.time_budget),
            **store.ray_storage(files.parent),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=2),
            callbacks=[watch, vigil, PrometheusCallback(progress, store.folder.name), JsonLoggerCallback()],  # type: ignore[no-untyped-call]
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
    """Return whether more than half of the time is over."""
    return progress.elapsed_seconds > budget / 2


def locate_checkpoint(store: LocalStore, ray_folder: Path, record: Record, *, own: bool) -> str:
    """Return where a trial finds the newest checkpoint of itself or another.

    That of another is copied, for Ray replaces it while it is used.

    Raises:
        OSError: If the storage refuses the copy.
    """
    if own:
        return store.to_address(record.checkpoint)
    return store.copy_checkpoint(record.checkpoint, ray_folder, record.trial_id)


def device_config(gpu: float) -> dict[str, object]:
    """Return where a trial computes, and how much of its memory it may take."""
    return {"device": "cuda", "memory_share": min(gpu, 1.0)} if gpu else {"device": "cpu"}


def trial_name(trial: Trial) -> str:
    """Return the number of a trial, and how often it has gone on."""
    number, went_on = trial.config["trial"], trial.config["went_on"]
    return f"{number}-{went_on}" if went_on else str(number)


def build_scheduler(plan: Plan, earlier_levels: Sequence[Level] = ()) -> Scheduler:
    """Return what decides which trials go on.

    Args:
        plan: The study.
        earlier_levels: Its levels before it was given more epochs.
    """
    course = FidelityPlan(
        epochs=plan.epochs,
        trials=plan.trials,
        fidelity=plan.settings.fidelity or "epochs",
        earlier_levels=tuple(earlier_levels),
    )
    context = SchedulerContext(
        course=course, searched=plan.variants[0].searched, seed=plan.settings.seed
    )
    build: Callable[..., Scheduler] = bind_member("scheduler", plan.scheduler)
    return inject(build, context)()


def build_sampler_factory(plan: Plan) -> Callable[[int], optuna.samplers.BaseSampler]:
    """Return what makes the sampler of the trial of a number."""
    shortlist = TrialSubset()
    build: Callable[..., optuna.samplers.BaseSampler] = bind_member("searcher", plan.searcher)

    def sampler(number: int) -> optuna.samplers.BaseSampler:
        seed = (plan.settings.seed * SEED_STRIDE + number) % 2**32
        context = SearcherContext(seed=seed, study_seed=plan.settings.seed, shortlist=shortlist)
        return inject(build, context)()

    return sampler


def is_grid_search(plan: Plan) -> bool:
    """Return whether values are tried in turn."""
    return bool(plan.searcher["name"] == "grid")


def build_searcher(
    plan: Plan, study: optuna.Study, records: Mapping[str, Record], scheduler: Scheduler
) -> OptunaSearcher:
    """Return what proposes configurations."""
    return OptunaSearcher(
        plan.variants,
        build_sampler_factory(plan),
        listed=is_grid_search(plan),
        levels=scheduler.levels,
        goal=plan.settings.goal,
        study=study,
        records=records,
    )


def bind_member(group: str, settings: Mapping[str, Any]) -> partial[Any]:
    """Return the `build` of a scheduler or searcher with its knobs set."""
    values = {key: value for key, value in settings.items() if key != "name"}
    return bind_member(STUDY_GROUPS[group], settings["name"], values)["build"]


def resolve_concurrency(settings: Settings, cpu: float, gpu: float) -> tuple[int, float]:
    """Return how many trials run at a time, and the share of a GPU that each takes."""
    return count_concurrent_trials(settings, cpu, gpu), gpu_share_per_trial(settings, gpu)
