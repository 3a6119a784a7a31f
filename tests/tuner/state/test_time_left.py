"""The time left, by hand and in simulated studies."""

import pytest

from tests.oracles import make_report
from trainables.training.fidelity import Level
from tuner.schedulers.core.scheduler import Scheduler
from tuner.state.study import StudyProgress
from tuner.state.time_left import EpochTimes, schedule_seconds
from tuner.state.trial import Record


@pytest.mark.parametrize(
    ("jobs", "workers", "expected"),
    [
        ([], 2, 0),
        ([(5, 2.0)], 2, 6),
        ([(1, 6.0), (4, 2.0)], 2, 8),  # the one takes 6, and the other does three of the four
        ([(0.5, 4.0)], 1, 2),
        ([(1_000_000, 1.0)], 4, 250_000),
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
    return StudyProgress(
        1, levels, 1, records, forecast=Scheduler(levels), **{"n_images": 1000} | settings
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
