"""The state of a study in memory: its trials, leader, totals and remaining time."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from trainables.training.fidelity import Level
from tuner.config.class_balance import ClassBalance
from tuner.config.objectives import Goal, pareto_mask
from tuner.state.remaining_work import RemainingWork
from tuner.state.seed_racing import SeedLimits, SeedStatistics, compute_seed_statistics
from tuner.state.time_left import Forecast, Job, schedule_seconds
from tuner.state.totals import StudyTotals
from tuner.state.trial import SEED_SEPARATOR, Record, accuracies_by_seed


@dataclass
class StudyProgress:
    """The state of a running study.

    Attributes:
        trials: Number of configurations to try.
        levels: Training runs that a trial may consist of.
        concurrency: Trials at a time.
        records: Trials so far, by number.
        started_at: Start on the clock, in seconds.
        goal: The objectives and the constraint.
        gpu_share: Share of a GPU that a trial takes.
        time_budget: Seconds after which the study ends; `None`: no limit.
        disk_budget: Bytes that checkpoints may take; `None`: no limit.
        disk_bytes: Bytes that they take.
        n_images: Images of the validation split.
        class_balances: Classes of the validation split of each variant, by its label.
        train_images: Images of the training split of each variant, by its label; empty: unknown.
        forecast: Expects what is still to be trained: the scheduler.
        max_seeds: Most seeds of a configuration.
        all_seeds: Whether every configuration gets them, without racing.
        clock: Returns the time in seconds; it never goes back.
        read_position: From the number of a running trial to its level and the epochs that it has
            trained, with the share of the current one; `None`: unknown.
        totals: Sums over the trials.
    """

    trials: int
    levels: tuple[Level, ...]
    concurrency: int
    records: dict[str, Record] = field(default_factory=dict)
    goal: Goal = field(default_factory=Goal)
    gpu_share: float = 0.0
    time_budget: float | None = None
    disk_budget: float | None = None
    disk_bytes: int = 0
    n_images: int = 1
    class_balances: Mapping[str, ClassBalance | None] = field(default_factory=dict)
    train_images: Mapping[str, int] = field(default_factory=dict)
    forecast: Forecast | None = None
    max_seeds: int = 1
    all_seeds: bool = False
    clock: Callable[[], float] = time.monotonic
    read_position: Callable[[str], tuple[int, float] | None] | None = None
    totals: StudyTotals = field(default_factory=StudyTotals, repr=False, compare=False)
    started_at: float = field(init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self.started_at = self.clock()

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the start."""
        return self.clock() - self.started_at

    @property
    def is_out_of_time(self) -> bool:
        """Whether the time budget is used up."""
        return self.time_budget is not None and self.elapsed_seconds >= self.time_budget

    @property
    def was_cut_short(self) -> bool:
        """Whether the time budget ended the study before all trials had ended."""
        statuses = {record.status for record in self.records.values()}
        return self.is_out_of_time and (len(self.records) < self.trials or "stopped" in statuses)

    @property
    def running_trials(self) -> list[Record]:
        """Trials that have not ended."""
        return self.totals.count_trials(self.records).running_trials

    @property
    def n_ended(self) -> int:
        """How many trials have ended for good: not those that are paused."""
        return len(self.records) - len(self.running_trials) - self.n_paused

    @property
    def n_paused(self) -> int:
        """How many trials wait for the scheduler to resume or stop them."""
        return self.totals.count_trials(self.records).n_paused

    @property
    def ended_trials(self) -> list[Record]:
        """Trials that have ended."""
        return [record for record in self.records.values() if record.status != "running"]

    @property
    def leader(self) -> Record | None:
        """The trial with the best epoch so far; of equals, the first by number.

        With several seeds per configuration, it is of the configuration with the highest mean among
        those with the most seeds.
        """
        ranked = [(r.score, r) for r in self.records.values() if r.checkpoint and r.best_report]
        if raced := self.seed_statistics:
            most = max(statistics.n for statistics in raced.values())
            mean = max(statistics.mean for statistics in raced.values() if statistics.n == most)
            first = {name for name, each in raced.items() if (each.n, each.mean) == (most, mean)}
            ranked = [pair for pair in ranked if pair[1].configuration_id in first] or ranked
        if not ranked:
            return None
        best = max(score for score, _ in ranked)
        return min((r for score, r in ranked if score == best), key=lambda r: r.trial_id)

    @property
    def seed_statistics(self) -> dict[str, SeedStatistics]:
        """Statistics of each configuration over its seeds; empty while all have one seed."""
        if not any(SEED_SEPARATOR in number for number in self.records):
            return {}
        return compute_seed_statistics(accuracies_by_seed(self.records.values()), self.n_images)

    @property
    def pareto_front(self) -> list[Record]:
        """Feasible trials that no other trial dominates, the most robust first."""
        kept = [r for r in self.records.values() if r.checkpoint and r.is_feasible]
        points = [
            self.goal.objective_values(record.best_report) for record in kept if record.best_report
        ]
        front = [r for r, is_best in zip(kept, pareto_mask(points), strict=True) if is_best]
        return sorted(front, key=lambda record: record.score, reverse=True)

    @property
    def trial_seconds(self) -> float:
        """Seconds of all epochs of all trials so far."""
        running = sum(record.seconds for record in self.running_trials)
        return self.totals.seconds + running

    @property
    def n_planned(self) -> int:
        """How many trials are planned, further seeds included as far as they are known."""
        further = [number for number in self.records if SEED_SEPARATOR in number]
        n_further = len(further)
        if self.all_seeds:
            n_further = max(n_further, self.trials * (self.max_seeds - 1))
        return max(self.trials, len(self.records) - len(further)) + n_further

    @property
    def remaining_rounds(self) -> list[list[Job]] | None:
        """What is still to be trained, round by round; `None` before the first epoch."""
        return RemainingWork(
            levels=self.levels,
            records=self.records,
            totals=self.totals.count_trials(self.records),
            trials=self.trials,
            forecast=self.forecast,
            seed_limits=SeedLimits(
                self.max_seeds, self.n_images, all_configurations=self.all_seeds
            ),
        ).list_rounds()

    @property
    def remaining_trial_seconds(self) -> float | None:
        """Estimated seconds of all epochs to come; `None` before the first epoch."""
        if (rounds := self.remaining_rounds) is None:
            return None
        return sum(job.count * job.seconds for jobs in rounds for job in jobs)

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds until the study ends, at most the rest of the time budget."""
        if (rounds := self.remaining_rounds) is None:
            return None
        left = sum(schedule_seconds(jobs, max(1, self.concurrency)) for jobs in rounds)
        if self.time_budget is None:
            return left
        return min(left, max(0.0, self.time_budget - self.elapsed_seconds))
