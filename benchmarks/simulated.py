"""A Ray that trains nothing: trials report what is recorded of them, at simulated times.

Everything else of a search is real: searcher, rule, journal, frames, disk and display. One driver
handles one event after the other, so that it is behind when its own CPU time is more than there is
between events; its clock is that of the simulation plus that time.
"""

import heapq
import json
import math
import os
import random
import shutil
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import wraps
from pathlib import Path
from typing import Any

import numpy as np
import torch
from ray import tune
from ray.tune.search import Searcher
from safetensors.torch import save_file

from trainables.checkpoint import METRICS, STATE, WEIGHTS
from trainables.levels import Level
from trainables.report import Report
from tuner.recorded import Recording

EPOCH_SECONDS = 60.0
KNOBS = ("optimizer.weight_decay", "optimizer.lr")
"""By which a trial finds the recorded runs that are like it."""
NEAR = 5


@dataclass
class Clock:
    """Simulated time, in seconds.

    Attributes:
        free: When the driver is done with what it has been given.
        busy: CPU seconds that it has worked.
        took: Seconds that it has worked, with waiting for the disk.
        began: CPU time at which it began with what it works on; none while it waits.
    """

    free: float = 0.0
    busy: float = 0.0
    took: float = 0.0
    began: float | None = None

    @contextmanager
    def works(self, since: float) -> Iterator[None]:
        """Let the driver work inside, on something that happened at a time."""
        self.free = max(self.free, since)
        self.began, since = time.process_time(), time.perf_counter()
        yield
        self.took += time.perf_counter() - since
        spent = time.process_time() - self.began
        self.free, self.busy, self.began = self.free + spent, self.busy + spent, None

    def monotonic(self) -> float:
        """Return the time, as the module of that name does."""
        return self.free + (0.0 if self.began is None else time.process_time() - self.began)


@dataclass
class Stopwatch:
    """CPU seconds of the parts of the driver, each without those that it calls."""

    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    inside: list[str] = field(default_factory=list)
    since: float = 0.0

    def turn(self) -> None:
        """Give the time since the last turn to the innermost part."""
        now = time.process_time()
        if self.inside:
            self.seconds[self.inside[-1]] += now - self.since
        self.since = now

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Count what is done inside for a part."""
        self.turn()
        self.inside.append(name)
        yield
        self.turn()
        self.inside.pop()

    def watch(self, owner: Any, method: str, name: str) -> None:  # noqa: ANN401
        """Count a method, or a function of a module, for a part from now on."""
        called: Callable[..., Any] = getattr(owner, method)

        @wraps(called)
        def counted(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
            with self.part(name):
                return called(*args, **kwargs)

        setattr(owner, method, counted)


@dataclass
class Spent:
    """CPU seconds of the driver, event by event: of new trials, and of epochs."""

    proposals: list[float] = field(default_factory=list)
    epochs: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)


@dataclass(kw_only=True)
class TuneSettings:
    """What a search tells Ray of its trials; as `ray.tune.TuneConfig`."""

    num_samples: int
    max_concurrent_trials: int
    search_alg: Any  # it is given simulated trials instead of those of Ray
    scheduler: Any  # likewise
    reuse_actors: bool
    trial_name_creator: object
    trial_dirname_creator: object


@dataclass(kw_only=True)
class RunSettings:
    """What a search tells Ray of files and callbacks; as `ray.tune.RunConfig`."""

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
    """A trial as Ray has it, with what it will report.

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


class Ray:
    """What `tuner.run` knows of `ray.tune`, for one search.

    Attributes:
        spent: What the driver has spent.
        ended: The simulated time when all was over.
    """

    TuneConfig, RunConfig = TuneSettings, RunSettings
    CheckpointConfig = SyncConfig = Ignored
    Callback, Checkpoint = tune.Callback, tune.Checkpoint

    def __init__(self, clock: Clock, watch: Stopwatch, past: "Past") -> None:
        """Wait to be used in place of `ray.tune`."""
        self.clock, self.watch, self.past = clock, watch, past
        self.spent, self.ended = Spent(), 0.0

    def forget(self, study: str) -> None:
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
    ) -> "Ray":
        """Take note of a search; return what runs it."""
        self.shared, self.config, self.where = param_space, tune_config, run_config
        # the others watch real processes: hangs, gauges, Ray's own files
        self.agenda, (self.callback, *_) = tune_config.search_alg, run_config.callbacks
        self.busy: list[tuple[float, int, SimulatedTrial]] = []
        self.asked, self.done = 0, False
        self.met: dict[str, tuple[int, int]] = {}
        return self

    @contextmanager
    def driver(self, since: float, kind: list[float]) -> Iterator[None]:
        """Let the driver handle an event of a kind."""
        before = self.clock.busy
        with self.clock.works(since), self.watch.part("rest"):
            yield
        kind.append(self.clock.busy - before)

    def fit(self) -> None:
        """Run the search to its end."""
        now = 0.0
        while self.busy or not self.done:
            self.fill(now)
            if self.busy:
                now, _, trial = heapq.heappop(self.busy)
                self.epoch(now, trial)
        self.ended = now

    def fill(self, now: float) -> None:
        """Ask for trials while there is room."""
        while not self.done and len(self.busy) < self.config.max_concurrent_trials:
            kind: list[float] = []
            with self.driver(now, kind):
                config = self.agenda.suggest(str(self.asked))
                self.done = config == Searcher.FINISHED
                runs = isinstance(config, dict)
                if runs:
                    trial = self.trial({**self.shared, **config})
                    self.callback.on_trial_start(self.asked, [], trial)
            new = runs and not config["went_on"]
            (self.spent.proposals if new else self.spent.others).extend(kind)
            if not runs:
                return
            # workers differ in speed by some percent, so that they do not report all at once
            trial.pace = EPOCH_SECONDS * random.Random(self.asked).uniform(0.9, 1.1)
            heapq.heappush(self.busy, (self.clock.free + trial.pace, self.asked, trial))
            self.asked += 1

    def trial(self, config: dict[str, Any]) -> SimulatedTrial:
        """Return a trial as Ray has it, with what it will report."""
        levels = [Level(**level) for level in config["levels"]]
        reports = repeated(self.past.of(config), levels[config["level"] :], config["level"])
        met = self.met.get(config["trial"], (-1, 0))
        rest = [report for report in reports if report.moment > met]
        name = f"{config['trial']}-{config['went_on']}" if config["went_on"] else config["trial"]
        return SimulatedTrial(
            trial_id=str(self.asked),
            config=config,
            folder=Path(self.where.storage_path) / self.where.name / name,
            rest=iter(rest),
            end=rest[-1].moment,
        )

    def epoch(self, now: float, trial: SimulatedTrial) -> None:
        """Let a trial report its next epoch, in Ray's order of calls."""
        report = next(trial.rest)
        self.met[trial.config["trial"]] = report.moment
        result = asdict(report)
        kept = checkpoint(trial.folder, report)
        with self.driver(now, self.spent.epochs):
            goes_on = self.config.scheduler.on_trial_result(None, trial, result) == "CONTINUE"
            if goes_on:
                self.agenda.on_trial_result(trial.trial_id, result)
            self.callback.on_trial_result(0, [], trial, result)
            self.callback.on_checkpoint(0, [], trial, Saved(str(kept)))
            goes_on = goes_on and report.moment != trial.end
            if not goes_on:
                self.agenda.on_trial_complete(trial.trial_id, result)
                self.callback.on_trial_complete(0, [], trial)
        for other in sorted(trial.folder.glob("checkpoint_*"))[:-2]:
            shutil.rmtree(other)
        if goes_on:
            heapq.heappush(self.busy, (now + trial.pace, int(trial.trial_id), trial))


class Past:
    """Recorded runs, which simulated trials repeat."""

    def __init__(self, runs: Sequence[Recording]) -> None:
        """Know them.

        Args:
            runs: Of which both learning rate and weight decay are known.
        """
        self.runs = runs
        self.places = np.log10([[run.knobs[knob] for knob in KNOBS] for run in runs])

    def of(self, config: Mapping[str, Any]) -> Recording:
        """Return the run of a trial: one of those nearest to it, drawn by its number."""
        place = np.log10([config["optimizer"][knob.partition(".")[2]] for knob in KNOBS])
        near = np.argsort(np.linalg.norm(self.places - place, axis=1), kind="stable")[:NEAR]
        return self.runs[int(random.Random(config["trial"]).choice(near))]


def repeated(run: Recording, levels: Sequence[Level], first: int) -> Iterator[Report]:
    """Yield what a trial reports that repeats a run: as many of its epochs as it is to have.

    Args:
        run: What is recorded.
        levels: The whole runs that the trial still has before it.
        first: The number of the first of them.
    """
    for number, level in enumerate(levels, start=first):
        for epoch in range(1, level.epochs + 1):
            there = run.reports[math.ceil(epoch * len(run.reports) / level.epochs) - 1]
            yield replace(there, epoch=epoch, level=number, seconds=EPOCH_SECONDS)


def checkpoint(folder: Path, report: Report) -> Path:
    """Leave a small checkpoint in the folder of a trial, as a worker does; return it."""
    path = folder / f"checkpoint_{report.level:02d}{report.epoch:04d}"
    os.makedirs(path)
    save_file({"bias": torch.zeros(1)}, path / WEIGHTS)
    (path / METRICS).write_text(json.dumps(asdict(report)))
    torch.save({"level": report.level, "epoch": report.epoch}, path / STATE)
    return path
