"""A runtime without Ray, processes or training: trials report at simulated times.

Everything else of a study is real: searcher, scheduler, trial queue, event log, checkpoint files,
frames and resume. Events come in Ray's order, one after the other.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, Protocol, cast

from trainables.training.checkpoint import STATE_FILE
from trainables.training.constraint import parse_constraint
from trainables.training.fidelity import Level
from trainables.training.report import Report
from tuner.runtime.simulated_checkpoints import (
    SimulatedState,
    delete_old_checkpoints,
    read_checkpoint,
    write_checkpoint,
)
from tuner.runtime.study_core import StudyCore, run_name
from tuner.runtime.trial_queue import RunConfig

Fault = Literal["", "lost", "raises", "dies", "dies_after_report", "corrupts", "dies_at_end"]
"""What goes wrong with a run in an epoch: the runtime has no process for it (its first epoch only);
training raises; its process dies before the epoch is reported, after the report but before the
checkpoint, with a corrupt checkpoint, or with a complete one. Empty: nothing."""
DEATH = "the process died (simulated)"


@dataclass
class HandledEvent:
    """What a study handles at a time.

    Attributes:
        kind: The start of a new trial, of one that resumes, an epoch, or "idle": there is no trial
            to start, or one has no epoch left.
    """

    kind: Literal["idle", "proposal", "resumption", "epoch"] = "idle"


class SimulatedTraining(Protocol):
    """The results of trials."""

    def train_epoch(
        self, config: Mapping[str, object], level: int, epoch: int, skill: float
    ) -> tuple[Report, float]:
        """Train an epoch.

        Args:
            config: The configuration of the trial.
            level: Index of the run, from 0.
            epoch: Number of the epoch in it, from 1.
            skill: What the trial has learned so far, from its checkpoint; 0 at its start.

        Returns:
            The report of the epoch, and what the trial has learned with it.
        """


@dataclass(kw_only=True)
class SimulatedRun:
    """One run of a trial, from its start or a checkpoint.

    Attributes:
        trial_id: Number of the run, as text.
        config: The configuration of the trial.
        folder: Where its checkpoints go.
        positions: Level and epoch of what it has still to train.
        skill: What the trial has learned so far.
        best: Its best report so far.
        report: The epoch that it trains; `None`: it has no epoch left.
        last_result: The last report as Ray has it.
    """

    trial_id: str
    config: RunConfig
    folder: Path
    positions: Iterator[tuple[int, int]]
    skill: float
    best: Report | None = None
    report: Report | None = None
    last_result: dict[str, object] = field(default_factory=dict)


def no_fault(run: SimulatedRun) -> Fault:  # noqa: ARG001
    """Return that nothing goes wrong."""
    return ""


@dataclass
class SimulatedRuntime:
    """Runs the trials of a study on a simulated clock.

    Attributes:
        training: The results of trials.
        find_fault: From a run, which is about to report an epoch, to what goes wrong with it.
        now: Simulated time, in seconds.
        n_runs: Runs that were started.
    """

    training: SimulatedTraining
    find_fault: Callable[[SimulatedRun], Fault] = no_fault
    now: float = 0.0
    n_runs: int = 0
    running: list[tuple[float, int, SimulatedRun]] = field(default_factory=list)

    def monotonic(self) -> float:
        """Return the simulated time in seconds."""
        return self.now

    def guard(
        self,
        warn: Callable[[str], None],  # noqa: ARG002  # the signature of all runtimes
        on_lost: Callable[[str], int],  # noqa: ARG002
    ) -> AbstractContextManager[None]:
        """Return a context that does nothing: there is nothing to lose."""
        return nullcontext()

    def handle_event(self) -> AbstractContextManager[HandledEvent]:
        """Return the context in which the study handles an event; a subclass may time it."""
        return nullcontext(HandledEvent())

    def run(self, core: StudyCore) -> None:
        """Run every trial that the queue gives out, until the study ends or its time is up."""
        core.folder.mkdir(parents=True)
        self.start_runs(core)
        while self.running:
            self.now, _, run = heapq.heappop(self.running)
            with self.handle_event() as event:
                event.kind = "epoch" if run.report else "idle"
                continues = self.report_epoch(core, run)
            if continues:
                self.train(run)
            budget = core.progress.time_budget
            if budget is not None and core.progress.elapsed_seconds >= budget:
                self.end_runs(core)
            else:
                self.start_runs(core)

    def end_runs(self, core: StudyCore) -> None:
        """End all runs, as a study does that is out of time."""
        for _, _, run in self.running:
            core.events.on_trial_error(run, "lost", "out of time")
        self.running.clear()

    def start_runs(self, core: StudyCore) -> None:
        """Start runs while workers are free."""
        while len(self.running) < core.progress.concurrency:
            name = str(self.n_runs)
            with self.handle_event() as event:
                config = core.queue.suggest(name)
                if config is None:
                    return
                event.kind = "resumption" if config["went_on"] else "proposal"
                self.n_runs += 1
                run = load_run(core, name, cast(RunConfig, {**core.shared_config, **config}))
                if self.find_fault(run) == "lost":
                    core.events.on_trial_error(run, "lost", "no process (simulated)")
                    continue
                core.events.on_trial_start(run)
            self.train(run)

    def train(self, run: SimulatedRun) -> None:
        """Train the next epoch of a run, which it reports later."""
        position, run.report = next(run.positions, None), None
        if position is not None:
            run.report, run.skill = self.training.train_epoch(run.config, *position, run.skill)
        seconds = run.report.seconds if run.report else 0.0
        heapq.heappush(self.running, (self.now + seconds, int(run.trial_id), run))

    def report_epoch(self, core: StudyCore, run: SimulatedRun) -> bool:
        """Report the epoch of a run, in Ray's order of calls; return whether it continues."""
        fault, report = self.find_fault(run), run.report
        if fault in {"raises", "dies"}:
            raised = fault == "raises"
            error = "RuntimeError: simulated" if raised else DEATH
            core.events.on_trial_error(run, "raised" if raised else "died", error)
            return False
        if report is None:  # it had been trained to its end before
            return end_run(core, run)
        result = asdict(report)
        run.best = choose_better(run, report)
        checkpoint = write_checkpoint(run.folder, report, run.best, run.skill)
        continues = core.events.log_and_decide(run.config["trial"], result)
        if continues:
            core.queue.on_trial_result(run.trial_id, result)
        core.events.on_trial_result(run, result)
        run.last_result = result
        if fault != "dies_after_report":
            core.events.on_checkpoint(run, str(checkpoint))
            delete_old_checkpoints(run.folder)
        if fault == "corrupts":
            (checkpoint / STATE_FILE).write_bytes(b"cut off")
        if fault in {"dies_after_report", "corrupts", "dies_at_end"}:
            core.events.on_trial_error(run, "died", DEATH)
            return False
        return (continues and not report.has_failed) or end_run(core, run)


def load_run(core: StudyCore, name: str, config: RunConfig) -> SimulatedRun:
    """Return a run of a trial that continues from its checkpoint, or from the start."""
    source = config.get("goes_on_from")
    state = read_checkpoint(Path(source)) if source else SimulatedState(level=config["level"])
    return SimulatedRun(
        trial_id=name,
        config=config,
        folder=core.folder / run_name(config),
        positions=iter_positions(core.progress.levels, state.level, state.epoch),
        skill=state.skill,
        best=state.best,
    )


def iter_positions(
    levels: Sequence[Level], first_level: int, epoch: int
) -> Iterator[tuple[int, int]]:
    """Yield level and epoch of each epoch behind a position.

    >>> list(iter_positions([Level(2), Level(3)], 0, 1))
    [(0, 2), (1, 1), (1, 2), (1, 3)]
    """
    for level in range(first_level, len(levels)):
        done = epoch if level == first_level else 0
        yield from ((level, number) for number in range(done + 1, levels[level].epochs + 1))


def choose_better(run: SimulatedRun, report: Report) -> Report:
    """Return the better one of the best epoch of a run and a new epoch, the first of equals."""
    bound = run.config.get("constraint")
    constraint = parse_constraint(bound) if bound else None
    return report if run.best is None else max(run.best, report, key=lambda r: r.score(constraint))


def end_run(core: StudyCore, run: SimulatedRun) -> bool:
    """Report that a run has ended or paused; return that it does not continue."""
    core.queue.on_trial_complete(run.trial_id, run.last_result or None)
    core.events.on_trial_complete(run)
    return False
