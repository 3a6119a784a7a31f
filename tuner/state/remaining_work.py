"""What a study is still expected to train: its trials, then the further seeds, seed by seed."""

from collections.abc import Mapping
from dataclasses import dataclass

from trainables.training.fidelity import Level
from tuner.state.seed_racing import SeedLimits, find_contenders, next_seeds
from tuner.state.time_left import EpochTimes, Forecast, Job, Runs, run_seconds
from tuner.state.totals import StudyTotals
from tuner.state.trial import SEED_SEPARATOR, Record, accuracies_by_seed

SEEDS_KEPT = 0.9
"""Share of the configurations in a race that is expected to get yet another seed."""


@dataclass(frozen=True, kw_only=True)
class RemainingWork:
    """A running study, as far as its future depends on it.

    Attributes:
        levels: Training runs that a trial may consist of.
        records: Trials so far, by number.
        totals: Sums over them, up to date.
        trials: Number of configurations to try.
        forecast: Expects what is still to be trained; `None`: unknown.
        seed_limits: Limits of further seeds.
    """

    levels: tuple[Level, ...]
    records: Mapping[str, Record]
    totals: StudyTotals
    trials: int
    forecast: Forecast | None
    seed_limits: SeedLimits

    def list_rounds(self) -> list[list[Job]] | None:
        """Return the runs to come, in rounds of which each begins when the one before has ended.

        The first round has the first seeds; each other one further seed of some configurations.

        Returns:
            The rounds; `None` before the first epoch.
        """
        times = EpochTimes(self.levels)
        for record in self.totals.running_trials:
            times.add(record.totals.level_epochs, record.totals.level_seconds)
        times.add(self.totals.level_epochs, self.totals.level_seconds)
        if (seconds := times.epoch_seconds()) is None:
            return None
        runs = self.first_runs()
        first = [
            Job(run.count, run_seconds(run, seconds), (run.bracket, run.stage), run.ready)
            for run in runs
        ]
        whole = self.levels[-1].epochs
        rounds = [first]
        for seed, n_new in self.count_new_seeds(runs).items():
            started = [
                Job(1, max(0, whole - len(record.reports)) * seconds[-1])
                for record in self.totals.running_trials
                if record.seed_number == seed
            ]
            rounds.append([*started, Job(n_new, whole * seconds[-1])])
        return rounds

    def first_runs(self) -> list[Runs]:
        """Return the runs of first seeds that are still to come."""
        if self.forecast is None:
            return []
        running = {
            record.trial_id: record.last_report.position if record.last_report else (0, 0)
            for record in self.totals.running_trials
            if record.seed_number == 0
        }
        n_new = max(0, self.trials - self.totals.n_begun[0])
        return list(self.forecast.future_runs(running, n_new))

    def count_new_seeds(self, first_runs: list[Runs]) -> dict[int, float]:
        """Return how many runs of each further seed are expected to begin.

        Args:
            first_runs: The runs of first seeds that are still to come.
        """
        limits, n_begun = self.seed_limits, self.totals.n_begun
        seeds = range(1, limits.max_seeds)
        if not seeds:
            return {}
        if limits.all_configurations:
            return {seed: max(0.0, self.trials - n_begun[seed]) for seed in seeds}
        values = accuracies_by_seed(self.records.values())
        if any(run.count for run in first_runs):
            racers = self.expected_racers(values, sum(r.count * r.completing for r in first_runs))
            return {seed: racers * SEEDS_KEPT ** (seed - 1) for seed in seeds}
        due = next_seeds(values, limits.max_seeds, limits.n_images)
        if not due:  # the race is decided
            return {}
        current = due[0][1]
        n_new = sum(f"{name}{SEED_SEPARATOR}{seed}" not in self.records for name, seed in due)
        racers = n_begun[current] + n_new
        later = {seed: racers * SEEDS_KEPT ** (seed - current) for seed in seeds if seed > current}
        return {current: n_new, **later}

    def expected_racers(
        self, values: Mapping[str, list[float | None]], n_to_complete: float
    ) -> float:
        """Return the expected number of configurations with a second seed.

        Of the trials to come, as many are near the leader as of the complete ones.

        Args:
            values: Accuracies of complete trials by configuration and seed.
            n_to_complete: Expected number of trials that will be complete.
        """
        firsts = {name: [seeds[0]] for name, seeds in values.items() if seeds[0] is not None}
        n_near = len(find_contenders(firsts, firsts, self.seed_limits.n_images))
        racers = n_near + n_to_complete * (n_near + 1) / (len(firsts) + 1)
        return racers if racers > 1 else 0.0
