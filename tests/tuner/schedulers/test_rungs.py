"""Where the rungs are."""

import pytest

from tests.oracles import make_report
from trainables.training.fidelity import Level
from tuner.schedulers.core.rungs import FidelityPlan, Rung, TrialPosition


def rung_schedule(specs, settle=0.0, **plan):
    return FidelityPlan(**{"epochs": 16, "trials": 8} | plan).schedule_rungs(specs, settle)


def test_shares_of_one_run_are_epochs():
    found = rung_schedule([0.1, 0.25])
    assert found.levels == (Level(16),)
    assert found.rungs == (Rung(0, 2), Rung(0, 4))


def test_short_whole_runs_end_at_their_rungs():
    found = rung_schedule([0.1, 0.25], fidelity="schedule")
    assert found.levels == (Level(2), Level(4), Level(16))
    assert found.rungs == (Rung(0, 2), Rung(1, 4))


def test_weak_attacks_take_whole_runs_too():
    found = rung_schedule([0.25], fidelity="attack")
    assert found.levels == (Level(16, 0.25), Level(16))
    assert found.rungs == (Rung(0, 16),)


def test_rungs_that_fall_on_one_epoch_are_one_and_none_is_the_last():
    assert rung_schedule([0.01, 0.02, 0.99]).rungs == (Rung(0, 1),)
    assert rung_schedule([0.25], epochs=1).rungs == ()


def test_a_study_with_more_epochs_has_a_level_on_top():
    found = rung_schedule([0.25], earlier_levels=(Level(8),))
    assert found.levels == (Level(8), Level(16))
    assert found.rungs == (Rung(0, 2), Rung(0, 8), Rung(1, 4))
    assert rung_schedule(
        [0.25], earlier_levels=(Level(2), Level(8)), fidelity="schedule"
    ).rungs == (
        Rung(0, 2),
        Rung(1, 8),
    )


def test_a_trial_that_skips_rungs_starts_at_the_level_after_them():
    short = rung_schedule([0.1, 0.25], fidelity="schedule")
    assert [short.starting_level(rung) for rung in range(3)] == [0, 1, 2]
    assert rung_schedule([0.1, 0.25]).starting_level(2) == 0


def reached(found, rates):
    """Return the epochs at which a trial with these learning rates reaches a rung."""
    position = TrialPosition(found)
    seen = [
        position.update(make_report(epoch, 0.5, lr=lr)) for epoch, lr in enumerate(rates, start=1)
    ]
    return [(epoch, rung) for epoch, rung in enumerate(seen, start=1) if rung is not None]


def test_a_drop_is_seen_in_the_learning_rate_once():
    """It drops to a tenth at epoch 5 and at 9; a share of 2/16 is two epochs later."""
    rates = [0.1] * 4 + [0.01] * 4 + [0.001] * 4
    assert reached(rung_schedule(["drop"], settle=2 / 16), rates) == [(7, 0)]
    assert reached(rung_schedule([0.25, "drop"]), rates) == [(4, 0), (5, 1)]


def test_a_rung_follows_its_drop_at_once_unless_said_otherwise():
    plan = FidelityPlan(epochs=16, trials=8)
    assert plan.schedule_rungs(["drop"]).rungs == (Rung(0, None, 0),)
    assert plan.schedule_rungs(["drop"], 0.04).rungs == (Rung(0, None, 1),)  # 0.64 epochs
    assert repr(plan.schedule_rungs(["drop"], 0.125).rungs[0].epochs_after) == "2"
    assert rung_schedule(["drop", 0.25], fidelity="schedule").levels == (Level(4), Level(16))


def test_the_first_drop_counts():
    """The second, an epoch later, does not put the rung off."""
    rates = [0.1] * 4 + [0.01, 1e-3, 1e-3, 1e-3]
    assert reached(rung_schedule(["drop"], settle=2 / 16), rates) == [(7, 0)]


@pytest.mark.parametrize(("ratio", "dropped"), [(0.69, True), (0.7, False)])
def test_less_than_seven_tenths_is_a_drop(ratio, dropped):
    assert reached(rung_schedule(["drop"]), [1.0, ratio, ratio]) == [(2, 0)] * dropped


def test_a_rung_is_that_of_its_run():
    """Short runs of 2 and 4 epochs of 16: each has one rung, its last epoch."""
    position = TrialPosition(rung_schedule([0.125, 0.25], fidelity="schedule"))
    seen = [
        position.update(make_report(epoch, 0.5, level=level))
        for level, epochs in enumerate((2, 4, 16))
        for epoch in range(1, epochs + 1)
    ]
    assert [number for number, rung in enumerate(seen) if rung is not None] == [1, 5]
    assert (seen[1], seen[5], position.rung) == (0, 1, 2)


def test_a_new_run_has_seen_no_drop():
    position = TrialPosition(rung_schedule(["drop"], earlier_levels=(Level(4),)))
    rates = {0: [0.1, 0.1, 0.01, 0.01], 1: [0.001, 0.001, 0.001, 0.0001, 0.0001]}
    seen = [
        (level, epoch, position.update(make_report(epoch, 0.5, lr=lr, level=level)))
        for level, each in rates.items()
        for epoch, lr in enumerate(each, start=1)
    ]
    assert [each for each in seen if each[2] is not None] == [(0, 3, 0), (0, 4, 1), (1, 4, 2)]


@pytest.mark.parametrize("rates", [[0.1] * 16, [0.1 * 0.75**epoch for epoch in range(16)]])
def test_what_falls_slowly_does_not_drop(rates):
    assert reached(rung_schedule(["drop"]), rates) == []


def test_a_drop_too_late_is_no_rung():
    assert reached(rung_schedule(["drop"], epochs=5), [0.1] * 4 + [0.01]) == []


def test_a_trial_is_worth_the_best_of_the_run_that_it_is_in():
    position = TrialPosition(rung_schedule([0.25], fidelity="schedule"))
    for each in (make_report(1, 0.6), make_report(2, 0.5)):
        position.update(each)
    assert position.best.kept == 0.6
    position.update(make_report(1, 0.3, level=1))
    assert position.best.kept == 0.3
