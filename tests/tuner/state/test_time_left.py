"""The time left, by hand and in simulated studies."""

import pytest

from benchmarks.time_left import STUDIES, estimate_errors
from tests.oracles import make_report
from trainables.training.fidelity import Level
from tuner.schedulers.core.scheduler import Scheduler
from tuner.state.study import StudyProgress
from tuner.state.time_left import EpochTimes, Job, schedule_seconds
from tuner.state.trial import Record


@pytest.mark.parametrize(
    ("jobs", "workers", "expected"),
    [
        ([], 2, 0),
        ([Job(5, 2.0)], 2, 6),
        ([Job(1, 6.0), Job(4, 2.0)], 2, 8),  # the one takes 6, the other does three of the four
        ([Job(0.5, 4.0)], 1, 2),
        ([Job(1_000_000, 1.0)], 4, 250_000),
        ([Job(1_000_001, 1.0)], 4, 250_001),
        # the long run needs one of the two before it
        ([Job(2, 3.0), Job(1, 5.0, (0, 1), 0)], 1, 11),
        ([Job(2, 3.0), Job(1, 5.0, (0, 1), 0)], 2, 8),
        # one of two is ready: it runs beside the one that the other needs
        ([Job(1, 3.0), Job(2, 5.0, (0, 1), 1)], 3, 8),
        # a chain of three stages has one run at a time, whatever workers are idle
        ([Job(3, 1.0), Job(1, 2.0, (0, 1), 0), Job(1, 6.0, (0, 2), 0)], 3, 9),
        # while a bracket waits, another one has the worker
        ([Job(1, 4.0), Job(1, 1.0, (0, 1), 0), Job(2, 2.0, (1, 1))], 2, 5),
        # a stage may be expected to have more runs than end before it
        ([Job(1, 1.0), Job(2, 3.0, (0, 1), 0)], 2, 7),
    ],
)
def test_jobs_start_on_the_next_free_worker(jobs, workers, expected):
    assert schedule_seconds(jobs, workers) == expected


def test_a_level_that_no_trial_has_reached_costs_by_its_attack():
    times = EpochTimes([Level(4, 0.5), Level(4)])
    assert times.epoch_seconds() is None
    times.add({0: 2}, {0: 6.0})
    assert times.epoch_seconds() == [3, 6]


def make_progress(*lengths, **settings):
    """Return a study of runs of 4 epochs, 2 s each; trial "0000s1" follows "0000"."""
    records = {
        number: Record(
            number, {}, 0, {}, [make_report(e, 0.5) for e in range(1, n + 1)], status, "", "there"
        )
        for number, n, status in lengths
    }
    levels = (Level(4),)
    concurrency = settings.pop("concurrency", 1)
    return StudyProgress(
        1, levels, concurrency, records, forecast=Scheduler(levels), **{"n_images": 1000} | settings
    )


def test_the_second_of_two_seeds_is_planned_and_its_time_is_not_negative():
    """The first seed ran 4 epochs; the second has 3 of 4 to go."""
    both = [("0000", 4, "completed"), ("0000s1", 1, "running")]
    progress = make_progress(*both, max_seeds=2, all_seeds=True)
    assert (progress.n_ended, progress.n_planned) == (1, 2)
    assert progress.seconds_left == 3 * 2
    ended = make_progress(both[0], ("0000s1", 4, "completed"), max_seeds=2, all_seeds=True)
    assert (ended.n_ended, ended.n_planned, ended.seconds_left) == (2, 2, 0)


def test_seeds_that_have_not_begun_take_time():
    progress = make_progress(("0000", 2, "running"), max_seeds=3, all_seeds=True)
    assert progress.seconds_left == 2 * (2 + 4 + 4)
    assert progress.n_planned == 3


def test_a_decided_race_takes_no_more_time():
    ended = [("0000", 4, "completed")]
    assert make_progress(*ended, max_seeds=3).seconds_left == 0


def test_seeds_of_one_configuration_run_one_after_the_other():
    """With two trials at a time, too: the third seed waits for the second."""
    progress = make_progress(("0000", 2, "running"), max_seeds=3, all_seeds=True, concurrency=2)
    assert progress.seconds_left == 2 * (2 + 4 + 4)


def make_race(*lengths, trials=4, concurrency=3):
    """Return a race of three seeds; complete trials are equally robust."""
    progress = make_progress(*lengths, max_seeds=3, concurrency=concurrency)
    progress.trials = trials
    return progress


def test_all_that_will_be_complete_are_expected_in_the_race():
    """Three at a time: four trials take two rounds, four second seeds too, 3.6 third seeds 1.6."""
    progress = make_race(*[(f"000{n}", 1, "running") for n in range(3)])
    assert progress.seconds_left == pytest.approx(2 * (3 + 4 + 2 * 4 + 1.6 * 4))


def test_those_near_the_leader_race_once_all_have_ended():
    """Two second seeds, of which one runs, and 1.8 third seeds; two at a time."""
    ended = [(f"000{n}", 4, "completed") for n in range(2)]
    progress = make_race(*ended, ("0000s1", 1, "running"), trials=2, concurrency=2)
    assert progress.seconds_left == pytest.approx(2 * (4 + 4))
    progress.concurrency = 1
    assert progress.seconds_left == pytest.approx(2 * (3 + 4 + 1.8 * 4))


def test_the_round_that_runs_is_the_last_of_the_race():
    ended = [(f"000{n}{seed}", 4, "completed") for seed in ("", "s1") for n in range(2)]
    third = [("0000s2", 1, "running"), ("0001s2", 2, "running")]
    assert make_race(*ended, *third, trials=2, concurrency=2).seconds_left == 2 * 3


@pytest.mark.parametrize("name", ["hyperband", "halving, seeds=3", "asha", "halving"])
def test_the_estimate_is_within_30_percent_from_a_quarter_of_a_simulated_study_on(name):
    """As `benchmarks.time_left` measures it for more seeds; three trials at a time."""
    errors = estimate_errors(STUDIES[name], 3, seed=1)
    assert all(abs(error) <= 0.3 for error in errors), errors
