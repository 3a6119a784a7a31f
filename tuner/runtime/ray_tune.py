"""Run the trials of a study with Ray Tune; the only module that builds a `Tuner`."""

import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.logger import JsonLoggerCallback
from ray.tune.search import ConcurrencyLimiter
from ray.tune.trainable.function_trainable import wrap_function

from trainables.training.epoch_progress import ProgressReader
from trainables.training.ray_trainable import trainable
from tuner.config.resources import device_config
from tuner.monitoring.prometheus import PrometheusCallback
from tuner.runtime.cluster.head_watchdog import watch_ray
from tuner.runtime.cluster.session import clear_node_caches
from tuner.runtime.hang_watchdog import HangWatchdog
from tuner.runtime.ray_adapters import (
    QueueSearcher,
    SchedulerAdapter,
    StudyCallback,
    TimeLimitStopper,
)
from tuner.runtime.study_core import StudyCore, run_name
from tuner.state.trial import distinguishing_knobs

OUTPUT_FILE = "output.txt"
"""What a trial prints, in its folder below `trials/`."""
PROGRESS_FOLDER = ".progress"
"""Where trials note how much of an epoch they have trained, below `trials/`."""
SYNC_SECONDS = 30
"""Seconds between two copies of that file; the last copy is made when the trial ends."""


@dataclass(frozen=True)
class RayRuntime:
    """Runs trials as those of Ray Tune, in the Ray session of this process.

    Attributes:
        write_limit: Seconds that a trial may retry its checkpoint; `None`: no limit.
    """

    write_limit: float | None

    def monotonic(self) -> float:
        """Return the time of the monotonic clock."""
        return time.monotonic()

    def guard(
        self, warn: Callable[[str], None], on_lost: Callable[[str], int]
    ) -> AbstractContextManager[None]:
        """Return a context that ends the process if Ray's head or raylet is lost."""
        return watch_ray(warn, on_lost)

    def run(self, core: StudyCore) -> None:
        """Run every trial of a study that has not ended."""
        study_id = uuid4().hex
        folder = core.folder / PROGRESS_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        core.progress.read_position = ProgressReader(folder)
        try:
            build_tuner(core, self.write_limit, study_id).fit()
        finally:
            clear_node_caches(study_id)
            shutil.rmtree(folder, ignore_errors=True)


def build_tuner(core: StudyCore, write_limit: float | None, study_id: str) -> tune.Tuner:
    """Return the `Tuner` of a study.

    Args:
        core: The study.
        write_limit: Seconds that a trial may retry its checkpoint; `None`: no limit.
        study_id: Names the data that workers cache for this study.
    """
    settings, progress = core.plan.settings, core.progress
    progress_folder = str(core.folder / PROGRESS_FOLDER)
    shared = {**core.shared_config, "study": study_id, "progress_folder": progress_folder}
    if settings.dashboard:
        shared |= {"columns": core.plan.knob_columns, "study_name": core.store.folder.name}
    searcher = QueueSearcher(core.queue)
    limiter = ConcurrencyLimiter(searcher, max_concurrent=progress.concurrency)
    watchdog = HangWatchdog(settings.report_limit, write_limit, core.warn)
    return tune.Tuner(
        tune.with_resources(
            NamedTrial if settings.dashboard else trainable,
            {"cpu": settings.cpu, "gpu": progress.gpu_share},
        ),
        param_space=shared | device_config(progress.gpu_share),
        tune_config=tune.TuneConfig(
            num_samples=-1,  # the queue decides when the study is done
            search_alg=limiter,
            scheduler=SchedulerAdapter(core.events.log_and_decide),
            reuse_actors=not settings.dashboard,  # the dashboard shows one name per process
            trial_name_creator=trial_name,
            trial_dirname_creator=trial_name,
        ),
        run_config=tune.RunConfig(
            name=core.folder.name,
            stop=TimeLimitStopper(progress.started_at, settings.time_budget),
            **core.store.ray_storage(core.folder.parent),
            checkpoint_config=tune.CheckpointConfig(num_to_keep=2),
            callbacks=[
                StudyCallback(core.events, limiter, watchdog.kill_reasons),
                watchdog,
                PrometheusCallback(progress, core.store.folder.name),
                JsonLoggerCallback(),
            ],
            log_to_file=(OUTPUT_FILE, OUTPUT_FILE),
            sync_config=tune.SyncConfig(
                sync_period=SYNC_SECONDS, sync_artifacts=True, sync_artifacts_on_checkpoint=False
            ),
            progress_reporter=SilentReporter(),
            verbose=0,
        ),
    )


class SilentReporter(tune.ProgressReporter):
    """Reports nothing; Ray's own reporter would clear the output of a notebook's cell."""

    def should_report(self, trials: list[Trial], done: bool = False) -> bool:  # noqa: ARG002
        """Return that there is nothing to report."""
        return False


def trial_name(trial: Trial) -> str:
    """Return the name of the run that is a trial to Ray."""
    return run_name(trial.config)


def name_process(config: Mapping[str, Any]) -> str:
    """Return the name of the process of a trial: its study, number, run and knobs.

    A trial that is trained again at full length has two processes, which differ in the run.

    Args:
        config: What the process gets.
    """
    knobs = distinguishing_knobs(config, config["columns"])
    run = f" run {config['level'] + 1}" if config["level"] else ""
    words = [f"{path}={value}" for path, value in knobs.items()]
    return " ".join([f"{config['study_name']} trial {config['trial']}{run}", *words])


class NamedTrial(wrap_function(trainable)):  # type: ignore[misc]
    """A trial whose actor the dashboard lists by the name of its process."""

    def setup(self, config: dict[str, Any]) -> None:
        """Set the name that Ray reads once, when the process has started."""
        self._name = name_process(config)
        super().setup(config)
