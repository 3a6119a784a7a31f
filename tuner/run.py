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

from trainables.bind import filled
from trainables.injection import inject
from trainables.levels import Level
from trainables.trainable import trainable
from tuner.agenda import Agenda, Seeds
from tuner.cluster import forget
from tuner.dashboard import Named
from tuner.deadline import Deadline
from tuner.disk import Disk
from tuner.gauges import Gauges
from tuner.journal import Journal
from tuner.ladder import Course
from tuner.place import Local
from tuner.plan import Plan
from tuner.progress import Progress
from tuner.recall import Memory
from tuner.record import Record
from tuner.resources import fitting, share_of_gpu
from tuner.rule import Rule
from tuner.scheduling import Ruled
from tuner.searcher import StudySearcher
from tuner.settings import Settings
from tuner.shortlist import Shortlist
from tuner.study_groups import STUDY_GROUPS
from tuner.vigil import Vigil
from tuner.watch import Watch
from tuner.working_copy import TRIALS

OUTPUT = "output.txt"
"""What a trial prints, in its folder among them."""
SYNC_EVERY = 30
"""Seconds between two copies of it there; another is made when the trial ends."""
SPREAD = 100_003
"""Between the seeds of studies, so that the draws of one trial are not those of another study's."""


@dataclass(frozen=True, kw_only=True)
class SchedulerContext:
    """What the `build` of a scheduler may name.

    Attributes:
        course: How far trials may go.
        searched: Domain of each searched knob by path.
        seed: Seed of the study.
    """

    course: Course
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
    shortlist: Shortlist


def run(
    plan: Plan,
    place: Local,
    progress: Progress,
    tell: Callable[[Record], None],
    *,
    gpu: float,
    journal: Journal,
    rule: Rule,
    memory: Memory,
    study: optuna.Study,
    caution: Callable[[str], None],
) -> None:
    """Run every trial of a plan that has not ended.

    Args:
        plan: What to run.
        place: The results folder; Ray's own files go into its `trials/`, a folder a run.
        progress: Kept up to date.
        tell: Called with a trial that began, reported or ended.
        gpu: Share of a GPU for each trial.
        journal: Where everything that happens is written down.
        rule: Which trials go on.
        memory: What earlier runs have come to.
        study: The Optuna study of the results folder.
        caution: Called with what may be a mistake and comes up on the way.
    """
    settings = plan.settings
    patiently = journal.patiently
    files = place.folder / TRIALS / str(patiently("the results", place.runs) + 1)
    proposer = searcher(plan, study, memory.records, rule)
    alone = not plan.searched and len(plan.variants) == 1
    seeds = Seeds(settings.seeds, progress.images, every=alone)
    keep = partial(patiently, "a copy of a checkpoint")

    def find(record: Record, *, own: bool) -> str:
        return keep(partial(found, place, files, record, own=own))

    agenda = Agenda(proposer, rule, memory, plan.trials, find, seeds)
    agenda.bring = lambda path: keep(partial(place.bring, path))
    memory.remove = place.remove
    if settings.time_budget is not None:
        agenda.late = partial(past_the_middle, progress, settings.time_budget)
    disk = Disk(place, progress, journal, caution)
    vigil = Vigil(settings.report_limit, patiently.limit, caution)
    watch = Watch(*(
        progress,
        plan.columns,
        tell,
        journal,
        agenda,
        disk.hold,
        vigil.hung,
        caution,
        place,
    ))
    shared = plan.shared() | {"levels": [asdict(level) for level in rule.levels]}
    shared |= {"study": uuid4().hex}
    if settings.dashboard:
        shared["columns"] = plan.columns
    tuner = tune.Tuner(
        tune.with_resources(
            Named if settings.dashboard else trainable, {"cpu": settings.cpu, "gpu": gpu}
        ),
        param_space=shared | device(gpu),
        tune_config=tune.TuneConfig(
            num_samples=-1,  # the agenda says when all is done
            max_concurrent_trials=progress.concurrency,
            search_alg=agenda,
            scheduler=Ruled(watch.decide),
            reuse_actors=not settings.dashboard,  # which knows a process by one name
            trial_name_creator=trial_name,
            trial_dirname_creator=trial_name,
        ),
        run_config=tune.RunConfig(
            name=files.name,
            stop=Deadline(progress.started, settings.time_budget),
            **place.storage(files.parent),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=2),
            callbacks=[watch, vigil, Gauges(progress, place.folder.name), JsonLoggerCallback()],  # type: ignore[no-untyped-call]
            log_to_file=(OUTPUT, OUTPUT),
            sync_config=tune.SyncConfig(
                sync_period=SYNC_EVERY, sync_artifacts=True, sync_artifacts_on_checkpoint=False
            ),
            verbose=0,
        ),
    )
    try:
        tuner.fit()
    finally:
        forget(shared["study"])


def past_the_middle(progress: Progress, budget: float) -> bool:
    """Return whether more than half of the time is over."""
    return progress.elapsed > budget / 2


def found(place: Local, files: Path, record: Record, *, own: bool) -> str:
    """Return where a trial finds the newest checkpoint of itself or another.

    That of another is copied, for Ray replaces it while it is used.

    Raises:
        OSError: If the storage refuses the copy.
    """
    if own:
        return place.address(record.checkpoint)
    return place.copied(record.checkpoint, files, record.trial_id)


def device(gpu: float) -> dict[str, object]:
    """Return where a trial computes, and how much of its memory it may take."""
    return {"device": "cuda", "memory_share": min(gpu, 1.0)} if gpu else {"device": "cpu"}


def trial_name(trial: Trial) -> str:
    """Return the number of a trial, and how often it has gone on."""
    number, went_on = trial.config["trial"], trial.config["went_on"]
    return f"{number}-{went_on}" if went_on else str(number)


def rule_of(plan: Plan, earlier: Sequence[Level] = ()) -> Rule:
    """Return what decides which trials go on.

    Args:
        plan: The study.
        earlier: Its levels before it was given more epochs.
    """
    course = Course(
        epochs=plan.epochs,
        trials=plan.trials,
        fidelity=plan.settings.fidelity or "epochs",
        earlier=tuple(earlier),
    )
    context = SchedulerContext(
        course=course, searched=plan.variants[0].searched, seed=plan.settings.seed
    )
    build: Callable[..., Rule] = bind_member("scheduler", plan.scheduler)
    return inject(build, context)()


def samplers(plan: Plan) -> Callable[[int], optuna.samplers.BaseSampler]:
    """Return what makes the sampler of the trial of a number."""
    shortlist = Shortlist()
    build: Callable[..., optuna.samplers.BaseSampler] = bind_member("searcher", plan.searcher)

    def sampler(number: int) -> optuna.samplers.BaseSampler:
        seed = (plan.settings.seed * SPREAD + number) % 2**32
        context = SearcherContext(seed=seed, study_seed=plan.settings.seed, shortlist=shortlist)
        return inject(build, context)()

    return sampler


def listed(plan: Plan) -> bool:
    """Return whether values are tried in turn."""
    return bool(plan.searcher["name"] == "grid")


def searcher(
    plan: Plan, study: optuna.Study, past: Mapping[str, Record], rule: Rule
) -> StudySearcher:
    """Return what proposes configurations."""
    return StudySearcher(
        plan.variants,
        samplers(plan),
        listed=listed(plan),
        levels=rule.levels,
        goal=plan.settings.goal,
        study=study,
        past=past,
    )


def bind_member(group: str, settings: Mapping[str, Any]) -> partial[Any]:
    """Return the `build` of a scheduler or searcher with its knobs set."""
    values = {key: value for key, value in settings.items() if key != "name"}
    return filled(STUDY_GROUPS[group], settings["name"], values)["build"]


def concurrency(settings: Settings, cpu: float, gpu: float) -> tuple[int, float]:
    """Return how many trials run at a time, and the share of a GPU that each takes."""
    return fitting(settings, cpu, gpu), share_of_gpu(settings, gpu)
