"""The collapse detector and the rank of averages on recorded runs, and their parts by hand."""

from pathlib import Path

import pytest

from benchmarks import collapses, ranking
from benchmarks.fastat import Epoch, Run, load_runs, split_by_method
from trainables.robustness.overfitting_detector import Check


@pytest.fixture
def table(shared) -> Path:
    """Return the table of FastAT's runs."""
    file: Path = shared / "fastat_cifar10.csv.gz"
    if not file.is_file():
        pytest.skip(f"needs {file}")
    return file


def make_checks(*kept, pgd=0.0):
    return [Check(fgsm=0.5, pgd=pgd, kept=each) for each in kept]


def make_run(method, trained, average):
    epochs = zip(trained, average, strict=True)
    return Run(method, 0, tuple(Epoch(n, 0.5, t, a) for n, (t, a) in enumerate(epochs, start=1)))


def test_a_run_ends_at_the_second_check_that_finds_a_collapse():
    healthy = Check(fgsm=0.5, pgd=0.4, kept=0.5)
    assert collapses.find_end([healthy, *make_checks(0.4, 0.4)], 0.25, 0.9) == 2
    assert collapses.find_end([healthy, *make_checks(0.4, 0.5, 0.4)], 0.25, 0.9) is None
    assert collapses.find_end([healthy, *make_checks(0.5, 0.5)], 0.25, 0.0) == 2


def test_a_recovery_is_a_gain_of_more_than_a_point():
    assert not collapses.recovers(make_checks(0.5, 0.2, 0.51), 1)
    assert collapses.recovers(make_checks(0.5, 0.2, 0.511), 1)
    assert not collapses.recovers(make_checks(0.2, 0.5, 0.5), 1)


def test_outcomes_are_counted():
    """The first run never recovers, the second does, the third does not collapse."""
    start = Check(fgsm=0.5, pgd=0.4, kept=0.5)
    runs = [
        [start, *make_checks(0.4, 0.4, 0.4)],
        [start, *make_checks(0.4, 0.4, 0.6)],
        [start] * 4,
    ]
    outcome = collapses.measure(runs, 0.25, 0.9)
    assert (outcome.runs, outcome.ended, outcome.ended_wrongly) == (3, 2, 1)
    assert (outcome.never_recover, outcome.never_recover_ended, outcome.epochs_saved) == (1, 1, 2)


def test_the_threshold_decides_which_network_ranks():
    """At half time, 383 steps or 0.19 horizons, only the trained networks rank as the end."""
    trained = ([0.3, 0.4], [0.2, 0.3], [0.1, 0.2])
    average = ([0.1, 0.6], [0.2, 0.5], [0.3, 0.4])
    runs = [make_run(f"m{n}", *each) for n, each in enumerate(zip(trained, average, strict=True))]
    assert ranking.correlate(runs, 0.5, 0.1) == pytest.approx(-1)
    assert ranking.correlate(runs, 0.5, 12) == pytest.approx(1)
    assert ranking.correlate(runs, 1.0, 0.1) == pytest.approx(1)


def test_every_other_method_is_in_one_half():
    runs = [make_run(method, [0.1], [0.1]) for method in "cab"]
    one, other = split_by_method(runs)
    assert [run.method for run in one] == ["c", "a"]
    assert [run.method for run in other] == ["b"]


def test_on_recorded_runs_the_detector_ends_those_that_never_recover(table, shared):
    runs = load_runs(table)
    assert len(runs) == 63
    for averaged in (True, False):
        checks = collapses.list_checks(runs, averaged=averaged)
        outcome = collapses.measure(checks, collapses.SHARE, collapses.FALLEN)
        assert outcome.ended_wrongly == 0
        assert outcome.never_recover_ended >= 0.9 * outcome.never_recover > 0
        for half in split_by_method(runs):
            outcome = collapses.measure(collapses.list_checks(half, averaged=averaged), 0.25, 0.9)
            assert outcome.never_recover_ended == outcome.never_recover > 0
    fgsm = collapses.load_fgsm_runs(shared / "at_learning_curves.csv.gz")
    assert len(fgsm) == 3
    assert collapses.measure(fgsm, collapses.SHARE, collapses.FALLEN).ended == 0


def test_on_recorded_runs_half_time_ranks_as_the_end(table):
    """Of the average alone it is -0.14."""
    runs = [run for run in load_runs(table) if run.has_average]
    assert len(runs) == 60
    half = {t: ranking.correlate(runs, 0.5, t) for t in (0.0, ranking.MIN_HORIZONS)}
    assert half[0.0] < 0
    assert half[ranking.MIN_HORIZONS] > 0.75
    later = [ranking.correlate(runs, 0.7, t) for t in (ranking.MIN_HORIZONS, float("inf"))]
    assert later[0] > 0.95 > later[1]
