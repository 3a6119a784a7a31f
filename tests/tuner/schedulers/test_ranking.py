"""Which accuracy ranks: that of the trained network until its average has caught up."""

import pytest

from tests.oracles import make_report
from tuner.schedulers.core.asha_stopping import AshaStopping
from tuner.schedulers.core.population import Population
from tuner.schedulers.core.ranking import (
    MIN_HORIZONS,
    RankingAccuracy,
    RungAccuracies,
    ranking_accuracy,
)
from tuner.schedulers.core.rungs import FidelityPlan, TrialPosition
from tuner.schedulers.core.successive_halving import SuccessiveHalving

EARLY, LATE = MIN_HORIZONS - 0.01, MIN_HORIZONS
SCHEDULE = FidelityPlan(epochs=4, trials=3).schedule_rungs([0.5])


def averaged(epoch, kept, raw, horizons):
    return make_report(epoch, kept, val_robust_accuracy_raw=raw, average_horizons=horizons)


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (make_report(1, 0.3), RankingAccuracy(0.3, 0.3)),
        (make_report(1, 0.3, val_robust_accuracy_raw=0.2), RankingAccuracy(0.3, 0.3)),  # ensemble
        (averaged(1, 0.1, 0.4, EARLY), RankingAccuracy(0.1, 0.4, lags=True)),
        (averaged(1, 0.1, None, EARLY), RankingAccuracy(0.1, None, lags=True)),
        (averaged(1, 0.1, 0.4, LATE), RankingAccuracy(0.1, 0.4)),
    ],
)
def test_the_horizon_decides_whether_an_average_lags(report, expected):
    assert ranking_accuracy(report) == expected


def test_the_best_so_far_is_that_of_each_network():
    """The raw accuracy is unknown between rungs; only the last epoch says whether it lags."""
    position = TrialPosition(SCHEDULE)
    for report in (averaged(1, 0.2, None, EARLY), averaged(2, 0.1, 0.4, EARLY)):
        position.update(report)
    assert position.best == RankingAccuracy(0.2, 0.4, lags=True)
    position.update(averaged(3, 0.5, 0.3, LATE))
    assert position.best == RankingAccuracy(0.5, 0.4)


def test_all_trials_at_a_rung_are_ranked_by_one_kind_of_accuracy():
    rung = RungAccuracies()
    assert not rung.append(RankingAccuracy(0.5, 0.4))
    assert not rung.append(RankingAccuracy(0.6, 0.3))
    assert list(rung.values) == [0.5, 0.6]
    assert rung.append(RankingAccuracy(0.1, 0.35, lags=True))
    assert list(rung.values) == [0.4, 0.3, 0.35]
    assert rung.append(RankingAccuracy(0.2, None, lags=True))
    assert list(rung.values) == [0.5, 0.6, 0.1, 0.2]


@pytest.fixture
def halving():
    scheduler = SuccessiveHalving(SCHEDULE, [1 / 3], trials=3)
    for trial in "abc":
        scheduler.on_start(trial)
    return scheduler


@pytest.mark.parametrize(
    ("horizons", "best"), [(EARLY, "b"), (LATE, "a")], ids=["lagging", "caught up"]
)
def test_halving_resumes_the_best_of_the_right_network(halving, horizons, best):
    for trial, kept, raw in (("a", 0.3, 0.4), ("b", 0.2, 0.5), ("c", 0.1, 0.3)):
        assert halving.on_report(trial, averaged(2, kept, raw, horizons), {}) == "pause"
    assert halving.next_to_resume(is_idle=False).trial == best


def test_halving_ranks_again_when_a_later_average_lags(halving):
    """By the averages a, b, c; by the trained networks b, c, a. One has resumed before."""
    halving.on_report("a", averaged(2, 0.3, 0.1, LATE), {})
    halving.on_resume(halving.next_to_resume(is_idle=True))
    halving.on_report("b", averaged(2, 0.2, 0.5, LATE), {})
    halving.on_report("c", averaged(2, 0.1, 0.3, EARLY), {})
    board = halving.boards[0]
    assert [trial for _, trial in board.ranking] == ["b", "c", "a"]
    assert [trial for _, trial in board.paused] == ["b", "c"]


@pytest.mark.parametrize(("horizons", "decision"), [(EARLY, "stop"), (LATE, "continue")])
def test_asha_compares_the_right_network(horizons, decision):
    scheduler = AshaStopping(SCHEDULE, 2)
    for trial in "ab":
        scheduler.on_start(trial)
    assert scheduler.on_report("a", averaged(2, 0.1, 0.5, horizons), {}) == "continue"
    assert scheduler.on_report("b", averaged(2, 0.2, 0.4, horizons), {}) == decision


@pytest.mark.parametrize(("horizons", "ranking"), [(EARLY, ["a", "b"]), (LATE, ["b", "a"])])
def test_a_population_ranks_by_the_right_network(horizons, ranking):
    scheduler = Population(SCHEDULE, 2, 0.5, lambda *_: {}, 0)
    for trial, kept, raw in (("a", 0.1, 0.5), ("b", 0.2, 0.4)):
        scheduler.on_start(trial)
        scheduler.on_report(trial, averaged(2, kept, raw, horizons), {})
    assert scheduler.rank_trials(0, scheduler.rung_values[0]) == ranking
