"""What schedulers expect to be trained, by hand."""

import pytest

from tests.oracles import make_report
from tuner.schedulers import asha, halving, hyperband, median, none, pbt
from tuner.schedulers.core.future_runs import FutureRuns
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Resume


def total_epochs(runs):
    return sum(run.count * sum(run.epochs) for run in runs)


def report(scheduler, trial, *robust, level=0):
    for epoch, value in enumerate(robust, start=1):
        decision = scheduler.on_report(trial, make_report(epoch, value, level=level), {})
    return decision


def test_without_a_scheduler_all_run_to_the_end():
    scheduler = none.build(fidelity_plan=FidelityPlan(epochs=4, trials=3))
    assert scheduler.future_runs({"0": (0, 1)}, 2) == [
        FutureRuns(1, (3,), completing=1),
        FutureRuns(2, (4,), completing=1),
    ]


def test_halving_knows_the_long_runs_to_come():
    """Four short runs of 2 epochs, then one long run of 8."""
    fidelity_plan = FidelityPlan(epochs=8, trials=4, fidelity="schedule")
    scheduler = halving.build(fidelity_plan=fidelity_plan)
    assert total_epochs(scheduler.future_runs({}, 4)) == 4 * 2 + 8
    for number in range(3):
        scheduler.on_start(str(number))
        assert report(scheduler, str(number), 0.1, 0.1 * number) == "pause"
    scheduler.on_start("3")
    report(scheduler, "3", 0.1)
    assert total_epochs(scheduler.future_runs({"3": (0, 1)}, 0)) == 1 + 8
    report(scheduler, "3", 0.1, 0.1)
    scheduler.on_resume(Resume("2", "2"))
    assert total_epochs(scheduler.future_runs({"2": (1, 3)}, 0)) == 5


def test_runs_from_a_rung_wait_for_those_that_end_there():
    """Rungs after 1 and 3 of 9 epochs, one in 3 continues; two of three are at the first rung."""
    scheduler = halving.build(
        fidelity_plan=FidelityPlan(epochs=9, trials=3, fidelity="epochs"),
        rungs=(1 / 9, 1 / 3),
        keep=(1 / 3,),
    )
    assert scheduler.slots == [3, 1, 1]
    for number in range(2):
        scheduler.on_start(str(number))
        report(scheduler, str(number), 0.1 * number)
    scheduler.on_start("2")
    running, new, second, last = (
        (run.stage, run.ready, run.completing) for run in scheduler.future_runs({"2": (0, 0)}, 0)
    )
    assert (running, new) == ((0, 1, 0), (0, 0, 0))
    assert (second, last) == ((1, 2, 0), (2, 0, 1))


def test_the_brackets_of_hyperband_add_up():
    """Brackets of 4, 2 and 1 of 7 trials with rungs after 1 and 3 of 9 epochs, one in 3 continues.

    The first runs 4 * 1, then 1 * 2 and 1 * 6; the second 2 * 3 and 1 * 6; the last 9.
    """
    scheduler = hyperband.build(fidelity_plan=FidelityPlan(epochs=9, trials=7), grace=1 / 9)
    for bracket, trials in zip(scheduler.schedulers, (4, 2, 1), strict=True):
        assert bracket.slots[0] == trials
    expected = [4 + 2 + 6, 6 + 6, 9]
    for bracket, trials, epochs in zip(scheduler.schedulers, (4, 2, 1), expected, strict=True):
        assert total_epochs(bracket.future_runs({}, trials)) == epochs
    numbers = [str(number) for number in range(7)]
    for number in numbers:
        scheduler.on_start(number)
    running = dict.fromkeys(numbers, (0, 0))
    assert total_epochs(scheduler.future_runs(running, 0)) == sum(expected)


def test_asha_expects_some_to_continue_from_its_rung():
    """A rung after 2 of 4 epochs, from which 1.5 in 3 are expected to continue."""
    scheduler = asha.build(
        fidelity_plan=FidelityPlan(epochs=4, trials=4),
        variant="stopping",
        grace=0.5,
        reduction_factor=3,
    )
    assert total_epochs(scheduler.future_runs({}, 4)) == 4 * 2 + 4 * 0.5 * 2
    for number, robust in enumerate([0.1, 0.2, 0.3, 0.4]):
        scheduler.on_start(str(number))
        report(scheduler, str(number), 0.1, robust)
    # all three that could have been stopped continued, beside three of which half would
    expected = 2 * (2 + 2 * (3 + 1.5) / 6)
    assert total_epochs(scheduler.future_runs({}, 2)) == pytest.approx(expected)


def test_median_expects_a_quarter_to_be_stopped():
    """The first three run 8 epochs; of the fourth a quarter ends after 3, behind the grace."""
    scheduler = median.build(fidelity_plan=FidelityPlan(epochs=8, trials=4), grace=0.25)
    assert total_epochs(scheduler.future_runs({}, 4)) == 3 * 8 + 0.25 * 3 + 0.75 * 8


def test_a_population_runs_to_the_end_but_for_those_that_failed():
    """Rungs after 2, 4 and 6 of 8 epochs; one of three trials fails before the first."""
    fidelity_plan = FidelityPlan(epochs=8, trials=3)
    scheduler = pbt.build(fidelity_plan=fidelity_plan, searched={}, seed=0, interval=0.25)
    assert total_epochs(scheduler.future_runs({}, 3)) == 24
    for number in range(3):
        scheduler.on_start(str(number))
    scheduler.on_end("2")
    report(scheduler, "0", 0.1, 0.2)
    assert total_epochs(scheduler.future_runs({"1": (0, 1)}, 0)) == 6 + 7
