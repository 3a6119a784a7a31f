"""Decisions of schedulers, by hand and compared with Ray's."""

import random
from types import SimpleNamespace

import pytest
from ray.tune.schedulers import ASHAScheduler

from tests.oracles import make_report
from trainables.binding import check_member
from trainables.training.fidelity import Level
from tuner.config.study_groups import STUDY_GROUPS
from tuner.schedulers import asha, halving, hyperband, median, none
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Resume


def fidelity_plan(epochs=9, trials=9, **changes):
    return FidelityPlan(epochs=epochs, trials=trials, **changes)


def run(scheduler, trial, *values, level=0):
    """Report epochs until the scheduler does not continue; return the last decision."""
    for epoch, value in enumerate(values, start=1):
        decision = scheduler.on_report(trial, make_report(epoch, value, level=level), {})
        if decision != "continue":
            return decision
    return "continue"


def test_none_continues_all_trials():
    scheduler = none.build(fidelity_plan=fidelity_plan(fidelity="schedule"))
    assert scheduler.on_start("a") == 0
    assert run(scheduler, "a", 0.1, 0.0) == "continue"
    assert scheduler.next_to_resume(is_idle=True) is None


def test_asha_decides_as_ray_does():
    """On 60 trials that report at each epoch, in an order drawn at random."""
    plan = fidelity_plan(epochs=27)
    mine = asha.build(fidelity_plan=plan, variant="stopping", grace=1 / 27, reduction_factor=3)
    rays = ASHAScheduler("epoch", "value", "max", max_t=27, grace_period=1, reduction_factor=3)
    rng, epochs = random.Random(0), {}
    for number in range(60):
        mine.on_start(str(number))
        rays.on_trial_add(None, SimpleNamespace(trial_id=str(number)))
        epochs[str(number)] = 0
    decided = {"continue": 0, "stop": 0}
    while epochs:
        trial = rng.choice(sorted(epochs))
        epochs[trial] += 1
        value = rng.random()
        decision = mine.on_report(trial, make_report(epochs[trial], value), {})
        theirs = rays.on_trial_result(
            None, SimpleNamespace(trial_id=trial), {"epoch": epochs[trial], "value": value}
        )
        over = epochs[trial] == 27
        assert over or decision == {"CONTINUE": "continue", "STOP": "stop"}[theirs]
        decided[decision] += 1
        if decision == "stop" or over:
            del epochs[trial]
    assert decided["stop"] > 30
    assert not epochs


@pytest.mark.parametrize(
    ("factor", "values", "continued"),
    [
        (3, [0.1] * 12, [0]),  # all at chance level: the first keeps its place
        (2, [0.1] * 12, [0]),
        (3, [0.1, 0.1, 0.2, 0.2, 0.2, 0.3], [0, 2, 3, 5]),
        (2, [0.1, 0.3, 0.3, 0.3, 0.2, 0.4], [0, 1, 2, 5]),  # medians 0.1, 0.2, 0.3, 0.3, 0.3
        (2, [0.1, 0.3, 0.2, 0.21], [0, 1, 3]),
        (2, [0.1, 0.3, 0.2005], [0, 1, 2]),  # the median of two is half-way, 0.2
    ],
)
def test_of_equal_values_asha_continues_the_earlier(factor, values, continued):
    """A trial must be above the quantile of the earlier values; the first has none before it."""
    scheduler = asha.build(
        fidelity_plan=fidelity_plan(epochs=4),
        variant="stopping",
        grace=0.5,
        reduction_factor=factor,
    )
    for number, value in enumerate(values):
        assert scheduler.on_start(str(number)) == 0
        decision = run(scheduler, str(number), 0.9, value)  # between rungs no value counts
        assert (decision == "continue") == (number in continued)


def test_brackets_of_asha_begin_later():
    """Rungs at 1, 3 and 9 epochs: three brackets, of 3, 2 and 1 parts of the trials."""
    scheduler = asha.build(
        fidelity_plan=fidelity_plan(epochs=27), grace=1 / 27, reduction_factor=3, brackets=3
    )
    for number in range(6):
        scheduler.on_start(str(number))
    firsts = [
        scheduler.schedulers.index(scheduler.scheduler_of[str(number)]) for number in range(6)
    ]
    assert sorted(firsts) == [0, 0, 0, 1, 1, 2]


def test_halving_waits_until_a_rung_is_known_and_takes_the_best():
    """Of four at the first rung the better two continue, of these the better one."""
    scheduler = halving.build(
        fidelity_plan=fidelity_plan(epochs=4, trials=4), rungs=(0.25, 0.5), keep=(0.5,)
    )
    for trial, value in {"a": 0.1, "b": 0.4, "c": 0.3, "d": 0.2}.items():
        assert scheduler.next_to_resume(is_idle=False) is None
        scheduler.on_start(trial)
        assert run(scheduler, trial, value) == "pause"
    resumed = []
    for _ in range(2):
        step = scheduler.next_to_resume(is_idle=False)
        resumed.append(step.trial)
        scheduler.on_resume(step)
    assert resumed == ["b", "c"]
    assert scheduler.next_to_resume(is_idle=True) is None
    assert scheduler.on_report("b", make_report(2, 0.4), {}) == "pause"
    assert scheduler.next_to_resume(is_idle=False) is None
    assert scheduler.on_report("c", make_report(2, 0.5), {}) == "pause"
    assert scheduler.next_to_resume(is_idle=False) == Resume("c", "c")


def test_a_trial_that_failed_at_its_rung_is_not_resumed():
    """Two of four continue. The best dies after its report: the second continues, and no other."""
    scheduler = halving.build(
        fidelity_plan=fidelity_plan(epochs=4, trials=4), rungs=(0.5,), keep=(0.5,)
    )
    for trial, value in {"a": 0.1, "b": 0.4, "c": 0.3, "d": 0.2}.items():
        scheduler.on_start(trial)
        run(scheduler, trial, value, value)
    scheduler.on_end("b")
    step = scheduler.next_to_resume(is_idle=False)
    assert step == Resume("c", "c")
    scheduler.on_resume(step)
    assert scheduler.next_to_resume(is_idle=True) is None


def test_a_rung_is_not_complete_before_the_one_below_it():
    """Two of four are promoted early by an idle slot; the other two may still overtake them."""
    scheduler = halving.build(
        fidelity_plan=fidelity_plan(epochs=4, trials=4), rungs=(0.25, 0.5), keep=(0.5,)
    )
    for trial in "abcd":
        scheduler.on_start(trial)
    for trial, value in {"a": 0.3, "b": 0.4}.items():
        assert run(scheduler, trial, value) == "pause"
        step = scheduler.next_to_resume(is_idle=True)
        assert step == Resume(trial, trial)
        scheduler.on_resume(step)
    for trial, value in {"a": 0.3, "b": 0.4}.items():
        assert scheduler.on_report(trial, make_report(2, value), {}) == "pause"
    assert scheduler.next_to_resume(is_idle=False) is None
    assert run(scheduler, "c", 0.1) == "pause"
    assert scheduler.next_to_resume(is_idle=False) is None
    scheduler.on_end("d")
    assert scheduler.next_to_resume(is_idle=False) == Resume("b", "b")


def test_a_trial_that_fails_between_two_rungs_is_not_waited_for():
    scheduler = halving.build(
        fidelity_plan=fidelity_plan(epochs=4, trials=3), rungs=(0.25, 0.5), keep=(0.67, 0.5)
    )
    for trial, value in {"a": 0.1, "b": 0.3, "c": 0.2}.items():
        scheduler.on_start(trial)
        run(scheduler, trial, value)
    for trial in "bc":
        assert scheduler.next_to_resume(is_idle=False) == Resume(trial, trial)
        scheduler.on_resume(Resume(trial, trial))
    assert scheduler.on_report("c", make_report(2, 0.2), {}) == "pause"
    assert scheduler.next_to_resume(is_idle=False) is None
    for _ in range(2):  # once is enough, and twice the same
        scheduler.on_end("b")
        assert scheduler.next_to_resume(is_idle=False) == Resume("c", "c")


def test_a_machine_that_is_idle_takes_the_best_so_far():
    scheduler = halving.build(
        fidelity_plan=fidelity_plan(epochs=4, trials=4), rungs=(0.25,), keep=(0.25,)
    )
    for trial, value in {"a": 0.1, "b": 0.4}.items():
        scheduler.on_start(trial)
        run(scheduler, trial, value)
    assert scheduler.next_to_resume(is_idle=False) is None
    step = scheduler.next_to_resume(is_idle=True)
    assert step.trial == "b"
    scheduler.on_resume(step)
    assert scheduler.next_to_resume(is_idle=True) is None  # one trial may reach the end


def test_trials_that_fail_are_not_waited_for():
    scheduler = halving.build(
        fidelity_plan=fidelity_plan(epochs=4, trials=3), rungs=(0.25,), keep=(0.4,)
    )
    for trial in "abc":
        scheduler.on_start(trial)
    run(scheduler, "a", 0.1)
    scheduler.on_end("b")
    assert scheduler.next_to_resume(is_idle=False) is None
    assert scheduler.on_report("c", make_report(1, 0.0, diverged=True), {}) == "continue"
    scheduler.on_end("c")
    assert scheduler.next_to_resume(is_idle=False).trial == "a"


def test_a_trial_that_ends_twice_is_missed_once():
    scheduler = halving.build(
        fidelity_plan=fidelity_plan(epochs=4, trials=3), rungs=(0.25,), keep=(0.4,)
    )
    for trial in "abc":
        scheduler.on_start(trial)
    assert run(scheduler, "a", 0.1) == "pause"
    for _ in range(2):
        scheduler.on_end("b")
    assert scheduler.next_to_resume(is_idle=False) is None  # c is still running


@pytest.mark.parametrize(
    ("keep", "slots"),
    [((0.5,), [16, 8, 4, 2]), ((0.5, 0.25), [16, 8, 2, 1]), ((1, 0.1), [16, 16, 2, 1])],
)
def test_each_rung_keeps_its_share_and_one_at_least(keep, slots):
    """The last share holds for later rungs too; 1.6 are 2 and 0.2 are 1."""
    plan = fidelity_plan(epochs=16, trials=16)
    assert halving.build(fidelity_plan=plan, rungs=(0.25, 0.5, 0.75), keep=keep).slots == slots


def test_the_rung_furthest_on_comes_first():
    scheduler = halving.build(
        fidelity_plan=fidelity_plan(epochs=4, trials=4), rungs=(0.25, 0.5), keep=(0.5,)
    )
    for trial, value in {"a": 0.1, "b": 0.4}.items():
        scheduler.on_start(trial)
        run(scheduler, trial, value)
    scheduler.on_resume(Resume("a", "a"))
    assert scheduler.on_report("a", make_report(2, 0.1), {}) == "pause"
    assert scheduler.next_to_resume(is_idle=True) == Resume("a", "a")


@pytest.mark.parametrize(
    ("name", "knobs", "allowed"),
    [
        ("halving", {"keep": (1.0,)}, True),
        ("halving", {"keep": (0.0,)}, False),
        ("halving", {"keep": (0.01,)}, True),
        ("halving", {"keep": (1.1,)}, False),
        ("asha", {"reduction_factor": 1.0}, False),
        ("asha", {"reduction_factor": 1.1}, True),
        ("pbt", {"quantile": 0.0}, False),
        ("pbt", {"quantile": 0.01}, True),
        ("pbt", {"quantile": 0.5}, True),
        ("pbt", {"quantile": 0.51}, False),
    ],
)
def test_which_shares_are_allowed(name, knobs, allowed):
    found = check_member("scheduler", STUDY_GROUPS["scheduler"], name, knobs)
    assert (list(found) == []) == allowed


def test_halving_takes_short_whole_runs_unless_said_otherwise():
    assert halving.FIDELITY == "schedule"


def test_halving_of_whole_runs_waits_at_their_ends():
    scheduler = halving.build(
        fidelity_plan=fidelity_plan(epochs=4, trials=2, fidelity="schedule"), rungs=(0.5,)
    )
    assert [level.epochs for level in scheduler.levels] == [2, 4]
    for trial, value in {"a": 0.1, "b": 0.4}.items():
        scheduler.on_start(trial)
        assert run(scheduler, trial, value, value) == "pause"
    step = scheduler.next_to_resume(is_idle=False)
    scheduler.on_resume(step)
    assert step.trial == "b"
    assert run(scheduler, "b", 0.1, 0.1, 0.1, 0.1, level=1) == "continue"


def test_hyperband_distributes_trials_as_the_paper_does():
    """Rungs at 1 and 3 of 9 epochs: brackets in the ratio 9/3 : 3/2 : 1, as R = 9, eta = 3 has."""
    scheduler = hyperband.build(fidelity_plan=fidelity_plan(epochs=9, trials=11), grace=1 / 9)
    sizes = [bracket.slots for bracket in scheduler.schedulers]
    assert sizes == [[6, 2, 1], [3, 1], [2]]


def test_hyperband_never_stops_the_last_bracket():
    scheduler = hyperband.build(fidelity_plan=fidelity_plan(epochs=9, trials=11), grace=1 / 9)
    for number in range(11):
        scheduler.on_start(str(number))
    last = [
        trial
        for trial, bracket in scheduler.scheduler_of.items()
        if bracket is scheduler.schedulers[2]
    ]
    assert run(scheduler, last[0], *[0.1] * 9) == "continue"
    first = [
        trial
        for trial, bracket in scheduler.scheduler_of.items()
        if bracket is scheduler.schedulers[0]
    ]
    assert run(scheduler, first[0], 0.1) == "pause"


@pytest.mark.parametrize(
    ("epochs", "trials"), [(3, 4), (4, 6), (7, 12), (30, 40), (110, 40), (1, 3)]
)
def test_trials_of_every_bracket_of_hyperband_may_end(epochs, trials):
    """The last bracket begins behind the last rung, so that it has none to leave."""
    scheduler = hyperband.build(fidelity_plan=fidelity_plan(epochs=epochs, trials=trials))
    for number in range(trials):
        scheduler.on_start(str(number))
    for number in range(trials):
        scheduler.on_end(str(number))
    assert scheduler.next_to_resume(is_idle=True) is None


@pytest.mark.parametrize(("value", "expected"), [(0.24, "stop"), (0.25, "continue")])
def test_the_median_rule_by_hand(value, expected):
    """Averages of two epochs are 0, 0.25 and 0.5: a best below 0.25 is too little."""
    scheduler = median.build(fidelity_plan=fidelity_plan(epochs=4), grace=0.25, least=3)
    for trial, values in {"a": (0.5, 0.5), "b": (0.0, 0.5), "c": (0.0, 0.0)}.items():
        assert run(scheduler, trial, *values) == "continue"
    assert run(scheduler, "d", 0.0, value) == expected


def test_the_median_rule_needs_enough_epochs_and_trials():
    scheduler = median.build(fidelity_plan=fidelity_plan(epochs=4), grace=0.5, least=1)
    run(scheduler, "a", 0.5, 0.5, 0.5)
    assert run(scheduler, "b", 0.1, 0.1) == "continue"
    assert run(scheduler, "c", 0.1, 0.1, 0.1) == "stop"
    alone = median.build(fidelity_plan=fidelity_plan(epochs=4), grace=0, least=3)
    assert run(alone, "a", 0.1, 0.1) == "continue"


def test_the_median_rule_does_not_stop_ties():
    """It stops what is below the median (Golovin et al.): trials at chance level are not."""
    scheduler = median.build(fidelity_plan=fidelity_plan(epochs=4), grace=0.25, least=3)
    for trial in "abcdefgh":
        assert scheduler.on_start(trial) == 0
        assert run(scheduler, trial, 0.1, 0.1, 0.1) == "continue"


def test_the_median_rule_compares_with_others_at_the_same_epoch_of_the_same_run():
    """A trial's own average, and those of other runs and epochs, do not count."""
    levels = fidelity_plan(epochs=4, earlier_levels=(Level(4),))
    scheduler = median.build(fidelity_plan=levels, grace=0.25, least=2)
    assert scheduler.levels == (Level(4), Level(4))
    for trial in "ab":
        assert run(scheduler, trial, 0.5, 0.5) == "continue"
    assert run(scheduler, "c", 0.1, level=1) == "continue"
    assert scheduler.on_report("c", make_report(2, 0.1, level=1), {}) == "continue"
    assert run(scheduler, "d", 0.1, 0.6) == "continue"  # its best counts, not its average
    alone = median.build(fidelity_plan=fidelity_plan(epochs=4), grace=0.25, least=2)
    run(alone, "a", 0.5, 0.5)
    for _ in range(2):  # reported again, it is compared with the others alone
        assert alone.on_report("e", make_report(2, 0.4), {}) == "continue"
