"""A simulated Ray Tune without training: trials report recorded results at simulated times.

The rest of a search is real: searcher, scheduler, event log, frames, disk and display. One driver
handles one event after the other. It falls behind when an event takes more CPU time than there is
between events; its clock is that of the simulation plus its CPU time.
"""

import heapq
import json
import os
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from ray import tune
from ray.tune.search import Searcher
from safetensors.torch import save_file

from benchmarks.recorded_runs import EPOCH_SECONDS, RecordedRuns, repeat_run
from benchmarks.simulated_clock import DriverTimes, SimulatedClock, Stopwatch
from trainables.training.checkpoint import METRICS_FILE, STATE_FILE, WEIGHTS_FILE
from trainables.training.fidelity import Level
from trainables.training.report import Report


@dataclass(kw_only=True)
class TuneSettings:
    """Settings of trials; stands for `ray.tune.TuneConfig`."""

    num_samples: int
    max_concurrent_trials: int
    search_alg: Any  # it is given simulated trials instead of those of Ray
    scheduler: Any  # likewise
    reuse_actors: bool
    trial_name_creator: object
    trial_dirname_creator: object


@dataclass(kw_only=True)
class RunSettings:
    """Settings of files and callbacks; stands for `ray.tune.RunConfig`."""

    name: str
    storage_path: str
    callbacks: Sequence[Any]
    stop: object
    checkpoint_config: object
    log_to_file: object
    sync_config: object
    verbose: int
    storage_filesystem: object = None


class Ignored:
    """Settings that a simulation does not need."""

    def __init__(self, **_: object) -> None:
        """Keep nothing."""


@dataclass
class Saved:
    """A checkpoint, as Ray gives it to a callback."""

    path: str


@dataclass(kw_only=True)
class SimulatedTrial:
    """A trial of Ray with its reports to come.

    Attributes:
        trial_id: Number of the trial among all that Ray started.
        config: Its configuration.
        folder: Where its checkpoints go.
        rest: Reports to come.
        end: Level and epoch of the last of them.
        pace: Seconds that an epoch takes.
    """

    trial_id: str
    config: dict[str, Any]
    folder: Path
    rest: Iterator[Report]
    end: tuple[int, int]
    pace: float = 0.0


class SimulatedTune:
    """The part of `ray.tune` that `tuner.runtime.ray_tune` uses, for one search.

    Attributes:
        driver_times: CPU seconds of the driver.
        end_time: Simulated time at the end of the search.
    """

    TuneConfig, RunConfig = TuneSettings, RunSettings
    CheckpointConfig = SyncConfig = Ignored
    Callback, Checkpoint = tune.Callback, tune.Checkpoint

    def __init__(
        self, clock: SimulatedClock, stopwatch: Stopwatch, recordings: "RecordedRuns"
    ) -> None:
        """Create a module-like object to use in place of `ray.tune`."""
        self.clock, self.stopwatch, self.recordings = clock, stopwatch, recordings
        self.driver_times, self.end_time = DriverTimes(), 0.0

    def clear_node_caches(self, study: str) -> None:
        """Do nothing: no data was read."""

    def with_resources(self, trainable: object, resources: object) -> None:
        """Do nothing: nothing is trained."""

    def Tuner(  # noqa: N802
        self,
        trainable: object,  # noqa: ARG002
        *,
        param_space: dict[str, Any],
        tune_config: TuneSettings,
        run_config: RunSettings,
    ) -> "SimulatedTune":
        """Store the settings of a search."""
        self.param_space, self.tune_config, self.run_config = param_space, tune_config, run_config
        # the other callbacks need real processes: hangs, gauges, Ray's own files
        self.trial_queue, (self.callback, *_) = tune_config.search_alg, run_config.callbacks
        self.running: list[tuple[float, int, SimulatedTrial]] = []
        self.n_asked, self.is_done = 0, False
        self.last_positions: dict[str, tuple[int, int]] = {}
        return self

    @contextmanager
    def time_driver(self, since: float, kind: list[float]) -> Iterator[None]:
        """Time the handling of an event of a kind."""
        before = self.clock.cpu_seconds
        with self.clock.work(since), self.stopwatch.time_part("rest"):
            yield
        kind.append(self.clock.cpu_seconds - before)

    def fit(self) -> None:
        """Run the search to its end."""
        now = 0.0
        while self.running or not self.is_done:
            self.start_trials(now)
            if self.running:
                now, _, trial = heapq.heappop(self.running)
                self.report_epoch(now, trial)
        self.end_time = now

    def start_trials(self, now: float) -> None:
        """Start trials while workers are free."""
        while not self.is_done and len(self.running) < self.tune_config.max_concurrent_trials:
            kind: list[float] = []
            with self.time_driver(now, kind):
                config = self.trial_queue.suggest(str(self.n_asked))
                self.is_done = config == Searcher.FINISHED
                runs = isinstance(config, dict)
                if runs:
                    trial = self.build_trial({**self.param_space, **config})
                    self.callback.on_trial_start(self.n_asked, [], trial)
            new = runs and not config["went_on"]
            (self.driver_times.proposals if new else self.driver_times.others).extend(kind)
            if not runs:
                return
            # workers differ in speed by some percent, so that they do not report all at once
            trial.pace = EPOCH_SECONDS * random.Random(self.n_asked).uniform(0.9, 1.1)
            heapq.heappush(self.running, (self.clock.free_at + trial.pace, self.n_asked, trial))
            self.n_asked += 1

    def build_trial(self, config: dict[str, Any]) -> SimulatedTrial:
        """Return a trial with its reports to come."""
        levels = [Level(**level) for level in config["levels"]]
        reports = repeat_run(
            self.recordings.find_run(config), levels[config["level"] :], config["level"]
        )
        met = self.last_positions.get(config["trial"], (-1, 0))
        rest = [report for report in reports if report.position > met]
        name = f"{config['trial']}-{config['went_on']}" if config["went_on"] else config["trial"]
        return SimulatedTrial(
            trial_id=str(self.n_asked),
            config=config,
            folder=Path(self.run_config.storage_path) / self.run_config.name / name,
            rest=iter(rest),
            end=rest[-1].position,
        )

    def report_epoch(self, now: float, trial: SimulatedTrial) -> None:
        """Let a trial report its next epoch, in Ray's order of calls."""
        report = next(trial.rest)
        self.last_positions[trial.config["trial"]] = report.position
        result = asdict(report)
        kept = write_checkpoint(trial.folder, report)
        with self.time_driver(now, self.driver_times.epochs):
            continues = (
                self.tune_config.scheduler.on_trial_result(None, trial, result) == "CONTINUE"
            )
            if continues:
                self.trial_queue.on_trial_result(trial.trial_id, result)
            self.callback.on_trial_result(0, [], trial, result)
            self.callback.on_checkpoint(0, [], trial, Saved(str(kept)))
            continues = continues and report.position != trial.end
            if not continues:
                self.trial_queue.on_trial_complete(trial.trial_id, result)
                self.callback.on_trial_complete(0, [], trial)
        for other in sorted(trial.folder.glob("checkpoint_*"))[:-2]:
            shutil.rmtree(other)
        if continues:
            heapq.heappush(self.running, (now + trial.pace, int(trial.trial_id), trial))


def write_checkpoint(folder: Path, report: Report) -> Path:
    """Write a small checkpoint to the folder of a trial, as a worker does; return its path."""
    path = folder / f"checkpoint_{report.level:02d}{report.epoch:04d}"
    os.makedirs(path)
    save_file({"bias": torch.zeros(1)}, path / WEIGHTS_FILE)
    (path / METRICS_FILE).write_text(json.dumps(asdict(report)))
    torch.save({"level": report.level, "epoch": report.epoch}, path / STATE_FILE)
    return path
