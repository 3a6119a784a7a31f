"""Decide what runs next: an interrupted, paused or new trial, or another seed."""

from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Literal, NotRequired, TypedDict, cast

from trainables.training.checkpoint import checkpoint_position
from trainables.training.ray_trainable import CHECKPOINT_ERROR
from trainables.training.report import Report
from tuner.runtime.resume.state import ResumeState
from tuner.schedulers.core.scheduler import Decision, Resume, Scheduler
from tuner.searchers.core.optuna_searcher import OptunaSearcher
from tuner.state.seed_racing import SeedLimits, next_seeds
from tuner.state.trial import SEED_SEPARATOR, Record, accuracies_by_seed, final_status

MAX_PROCESS_DEATHS = 3
"""How often the process of a trial may die before the trial has failed."""
FailureCause = Literal["raised", "died", "lost"]
"""Why a run failed: training raised an exception, its process died, or the runtime gave it no
process, which is not counted against the trial."""


class RunConfig(TypedDict):
    """The configuration of a run, apart from its groups.

    Attributes:
        trial: The number of the trial.
        variant: The label of its variant.
        seed: Random seed; the one of the study if left out.
        level: Index of the level at which the run starts.
        went_on: How often the trial has resumed.
        waited: Whether the scheduler had paused it, rather than something interrupted it.
        source: The trial whose weights it takes over; its own number if it keeps them.
        goes_on_from: The checkpoint from which the run starts.
        constraint: The constraint on the best epoch.
    """

    trial: str
    variant: NotRequired[str]
    seed: int
    level: int
    went_on: int
    waited: NotRequired[bool]
    source: NotRequired[str]
    goes_on_from: NotRequired[str]
    constraint: NotRequired[str]


class TrialQueue:
    """Takes new trials from Optuna and paused ones from the scheduler.

    A trial has one run for each time that it starts or resumes. To Ray each run is a new trial, so
    that no state of Ray is needed to resume a study.

    Attributes:
        running: Run to the number of its trial, of all runs that have not ended.
        decisions: The scheduler's decision on each trial's last epoch.
        time_is_short: Returns whether paused trials resume before new ones start, because a study
            that runs out of time should have finished some trials.
        fetch: Copies a checkpoint, and its siblings, to this machine.
    """

    def __init__(
        self,
        study_searcher: OptunaSearcher,
        scheduler: Scheduler,
        resume_state: ResumeState,
        n_trials: int,
        find_checkpoint: Callable[..., str],
        seed_limits: SeedLimits | None = None,
    ) -> None:
        """Start from the state of earlier runs.

        Args:
            study_searcher: Proposes trials and learns from their results.
            scheduler: Decides which of them continue.
            resume_state: The state of earlier runs; kept up to date.
            n_trials: Number of configurations.
            find_checkpoint: Returns the path of the newest checkpoint of a trial; `own`: whether
                the same trial resumes from it.
            seed_limits: Limits of further seeds after all trials have ended.
        """
        self.study_searcher, self.scheduler, self.n_trials, self.find_checkpoint = (
            study_searcher,
            scheduler,
            n_trials,
            find_checkpoint,
        )
        self.seed_limits = seed_limits or SeedLimits()
        self.resume_state = resume_state
        self.records, self.decisions, self.levels = (
            resume_state.records,
            resume_state.decisions,
            resume_state.levels,
        )
        self.n_configurations = sum(SEED_SEPARATOR not in number for number in self.levels)
        self.to_resume = deque(resume_state.to_resume)
        self.time_is_short: Callable[[], bool] = lambda: False
        self.fetch: Callable[[str], None] = lambda _: None
        self.running: dict[str, str] = {}
        self.configs: dict[str, RunConfig] = {}
        self.never_started: deque[str] = deque()
        self.deaths: Counter[str] = Counter()

    def suggest(self, trial_id: str) -> RunConfig | None:
        """Return the configuration of the next run.

        `None`: there is none now; none will follow if nothing runs.

        Args:
            trial_id: A new name for the run.
        """
        chosen = (
            self.next_never_started(trial_id)
            or self.next_interrupted()
            or self.next_paused(is_idle=self.time_is_short())
            or self.next_new(trial_id)
            or self.next_paused(is_idle=True)
            or self.next_seed()
        )
        if chosen is None:
            return None
        # groups are further keys, which a TypedDict cannot have
        config = cast(RunConfig, chosen)
        number = config["trial"]
        self.running[trial_id] = number
        self.configs[trial_id] = config
        if config["went_on"] and SEED_SEPARATOR not in number:
            self.study_searcher.attach(trial_id, number)
        return config

    def next_never_started(self, trial_id: str) -> RunConfig | None:
        """Return a trial whose process died before it started."""
        if not self.never_started:
            return None
        before = self.never_started.popleft()
        self.study_searcher.rename(before, trial_id)
        return self.configs.pop(before)

    def next_interrupted(self) -> dict[str, object] | None:
        """Return a trial that was interrupted."""
        if not self.to_resume:
            return None
        number = self.to_resume.popleft()
        return self.resume_config(Resume(number, number), was_paused=False)

    def next_paused(self, *, is_idle: bool) -> dict[str, object] | None:
        """Return a paused trial that the scheduler resumes."""
        resume = self.scheduler.next_to_resume(is_idle=is_idle)
        # a trial that repeats epochs after its process died resumes once it has reached its pause
        if resume is None or resume.trial in self.running.values():
            return None
        self.resume_state.resume(self.scheduler, resume)
        return self.resume_config(resume, was_paused=True)

    def next_new(self, trial_id: str) -> dict[str, object] | None:
        """Return a new trial."""
        if self.n_configurations >= self.n_trials:
            return None
        config = self.study_searcher.suggest(trial_id)
        number = config["trial"]
        self.levels[number] = self.scheduler.on_start(number)
        self.n_configurations += 1
        return config | {"level": self.levels[number], "went_on": 0}

    def next_seed(self) -> dict[str, object] | None:
        """Return a configuration with one more seed if no running trial can change the choice."""
        if not all(SEED_SEPARATOR in number for number in self.running.values()):
            return None
        values = accuracies_by_seed(self.records.values())
        seeds = self.seed_limits
        for name, seed in next_seeds(
            values, seeds.max_seeds, seeds.n_images, all_configurations=seeds.all_configurations
        ):
            number = f"{name}{SEED_SEPARATOR}{seed}"
            if number not in self.levels:
                self.levels[number] = len(self.scheduler.levels) - 1
                groups = self.records[name].groups
                return {
                    **{group: dict(knobs) for group, knobs in groups.items()},
                    "trial": number,
                    "variant": self.records[name].knobs.get("variant", ""),
                    "level": self.levels[number],
                    "seed": self.records[name].seed + seed,
                    "went_on": 0,
                }
        return None

    def resume_config(self, resume: Resume, *, was_paused: bool) -> dict[str, object]:
        """Return the configuration of a trial that started before."""
        record, source = self.records[resume.trial], self.records[resume.source]
        for checkpoint in filter(
            None, {record.checkpoint, record.previous_checkpoint, source.checkpoint}
        ):
            self.fetch(checkpoint)
        if source is record or checkpoint_position(Path(source.checkpoint)) is None:
            self.resume_state.rewind_to_checkpoint(record, was_paused=was_paused)
            source = record
        groups = {group: dict(knobs) for group, knobs in record.groups.items()}
        for path, value in resume.hyperparameters.items():
            group, _, knob = path.partition(".")
            groups[group][knob] = value
        checkpoint = source.checkpoint and self.find_checkpoint(source, own=source is record)
        return {
            **groups,
            "trial": resume.trial,
            "seed": record.seed,
            "variant": record.knobs.get("variant", ""),
            "level": self.levels[resume.trial],
            "went_on": record.times_resumed + 1,
            "waited": was_paused,
            "source": source.trial_id,
            **({"goes_on_from": checkpoint} if checkpoint else {}),
        }

    def decide(self, number: str, report: Report) -> Decision:
        """Return the scheduler's decision on an epoch of a trial."""
        if SEED_SEPARATOR in number:
            return "continue"
        return self.resume_state.report(self.scheduler, number, report, self.records[number].knobs)

    def is_finished(self, record: Record) -> bool:
        """Return whether a trial has no epochs left to run now."""
        decided = self.decisions.get(record.trial_id, "continue")
        return decided != "continue" or final_status(record, self.scheduler.levels) != "stopped"

    def on_trial_result(self, trial_id: str, result: dict[str, object]) -> None:
        """Report an epoch to Optuna, except for further seeds."""
        if SEED_SEPARATOR not in self.running[trial_id] and CHECKPOINT_ERROR not in result:
            self.study_searcher.on_trial_result(trial_id, result)

    def on_trial_complete(self, trial_id: str, result: dict[str, object] | None = None) -> None:
        """Report to Optuna and the scheduler that a trial ended or paused.

        Args:
            trial_id: The run of the trial.
            result: Its last epoch; `None`: it reported none.
        """
        if trial_id not in self.running:
            return
        number = self.running.pop(trial_id)
        self.configs.pop(trial_id)
        is_paused = self.decisions.get(number) == "pause"
        self.study_searcher.on_trial_complete(trial_id, result)
        if not is_paused and SEED_SEPARATOR not in number:
            self.scheduler.on_end(number)

    def handle_failure(self, trial_id: str, cause: FailureCause) -> bool:
        """Return whether a failed trial is run again.

        Args:
            trial_id: The run of the trial that failed.
            cause: Why.
        """
        number = self.running.pop(trial_id)
        has_started = number in self.records
        if cause == "raised" and not has_started:  # then its process died
            cause = "died"
        self.deaths[number] += cause == "died"
        if cause != "raised" and self.deaths[number] < MAX_PROCESS_DEATHS:
            if has_started:
                self.study_searcher.detach(trial_id)
                self.to_resume.append(number)
            else:
                self.never_started.append(trial_id)
            return True
        self.study_searcher.on_trial_complete(trial_id, error=True)
        if SEED_SEPARATOR not in number:
            self.scheduler.on_end(number)
        return False
