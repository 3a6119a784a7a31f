"""Rungs that follow from fidelity, epochs and learning-rate schedule."""

import pytest

from trainables.scheduling import TOLERANCE
from tuner.config.compose import compose_plan
from tuner.schedulers import asha, halving, hyperband, median
from tuner.schedulers.core.auto_rungs import choose_rungs, describe_rungs
from tuner.schedulers.core.factory import build_scheduler
from tuner.schedulers.core.lr_drops import find_first_drop, find_lr_drops
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.search import parse_search_arguments


def fidelity_plan(epochs, *drops, fidelity="epochs"):
    return FidelityPlan(
        epochs=epochs, trials=8, fidelity=fidelity, lr_drops=frozenset(drops or {None})
    )


@pytest.mark.parametrize(
    ("epochs", "drops", "shares"),
    [
        (200, (0.5,), (1 / 40, 0.54)),
        (200, (0.25, 0.5), (1 / 40, 0.54)),  # behind the later one
        (110, (100 / 110,), ()),  # behind the drop there is too little to save
        (15, (0.5,), (8 / 15,)),  # the early rung would be less than half an epoch
        (200, (), (0.6,)),
        (200, (None, 0.5), ()),  # before its drop a trial says nothing beside one without
        (4, (), ()),
        (4, (0.5,), ()),
        (5, (), (0.6,)),
    ],
)
def test_rungs_lie_behind_the_drop_or_late(epochs, drops, shares):
    assert choose_rungs(fidelity_plan(epochs, *drops)) == pytest.approx(shares)


@pytest.mark.parametrize(
    ("epochs", "drop", "epoch"),
    [
        (10, 0.5, 6),  # epochs 1 to 5 have the higher rate
        (6, 0.5, 4),
        (8, 0.5, 5),
        (8, 0.75, 7),
        (12, 0.5, 7),
        (12, 0.75, 10),
        (5, 0.6, 4),
        (10, 0.6, 7),
        (200, 0.5, 108),
    ],
)
def test_in_a_short_run_too_the_rung_is_behind_the_drop(epochs, drop, epoch):
    rungs = asha.build(fidelity_plan=fidelity_plan(epochs, drop)).rung_schedule.rungs
    assert rungs[-1].epoch == epoch


@pytest.mark.parametrize(("epochs", "shares"), [(16, (0.25,)), (6, (0.25,)), (5, ()), (1, ())])
def test_a_short_run_has_two_epochs_at_least(epochs, shares):
    assert choose_rungs(fidelity_plan(epochs, 0.5, fidelity="schedule")) == shares
    assert choose_rungs(fidelity_plan(epochs, fidelity="attack")) == (0.25,)


def test_all_schedulers_with_rungs_use_them():
    plan = fidelity_plan(200, 0.5)
    for build in (asha.build, halving.build):
        scheduler = build(fidelity_plan=plan)
        assert [rung.epoch for rung in scheduler.rung_schedule.rungs] == [5, 108]
        assert scheduler.note == "trials are compared after epoch 5 and 108 of 200."
    brackets = hyperband.build(fidelity_plan=plan)
    assert len(brackets.schedulers) == 3
    assert brackets.schedulers[0].rung_schedule.rungs == scheduler.rung_schedule.rungs
    assert median.build(fidelity_plan=plan).grace == pytest.approx(0.54)
    assert median.build(fidelity_plan=fidelity_plan(4)).grace == 1.0  # it stops none


@pytest.mark.parametrize("fidelity", ["schedule", "attack"])
def test_median_waits_for_the_drop_of_the_whole_run_at_any_fidelity(fidelity):
    plan = fidelity_plan(200, 0.5, fidelity=fidelity)
    assert median.build(fidelity_plan=plan).grace == pytest.approx(0.54)


def test_what_the_rungs_are_is_said():
    assert describe_rungs(fidelity_plan(7, fidelity="schedule")) == (
        "trials are compared after a complete run of 2 epochs."
    )
    assert "4 epochs are too few" in describe_rungs(fidelity_plan(4))
    assert "with and without a sharp drop" in describe_rungs(fidelity_plan(200, None, 0.5))
    assert "drops so late" in describe_rungs(fidelity_plan(110, 100 / 110))
    assert "drops so late" in describe_rungs(fidelity_plan(200, 0.5, 0.95))
    assert "a quarter of the attack's steps" in describe_rungs(fidelity_plan(7, fidelity="attack"))
    assert asha.build(fidelity_plan=fidelity_plan(7), rungs=(0.5,)).note == ""


@pytest.mark.parametrize(
    ("words", "drop"),
    [
        (["schedule=piecewise"], 100 / 110),
        (["schedule=piecewise", "schedule.drops=[0.5,0.75]"], 0.5),
        (["schedule=piecewise", "schedule.drops=[0.5]", "schedule.decay=0.6"], None),
        (["schedule=piecewise", "schedule.drops=[0.97]"], None),
        (["schedule=cosine"], None),
        (["schedule=one_cycle"], None),
        (["schedule=linear"], None),
        (["schedule=constant"], None),
        (["schedule=piecewise", "schedule.decay=loguniform(0.01,0.5)"], None),
    ],
)
def test_the_drop_of_a_schedule_is_found(words, drop):
    plan = compose_plan(*parse_search_arguments(["space=weight_decay", *words]))
    (found,) = find_lr_drops(plan.variants)
    assert found == (None if drop is None else pytest.approx(drop, abs=1e-3))


def test_a_drop_is_the_first_at_which_the_rate_halves():
    assert find_first_drop(lambda progress: 1.0 if progress < 0.3 - TOLERANCE else 0.5) == 0.3
    assert find_first_drop(lambda progress: 1 - progress) is None
    assert find_first_drop(lambda progress: max(0.0, progress - 0.1)) is None  # a warm-up from 0


def test_the_scheduler_of_a_plan_has_the_rungs_of_its_schedule():
    words = ["space=weight_decay", "epochs=100", "fidelity=epochs", "schedule=piecewise"]
    plan = compose_plan(*parse_search_arguments([*words, "schedule.drops=[0.5,0.75]"]))
    rungs = build_scheduler(plan).rung_schedule.rungs
    assert [rung.epoch for rung in rungs] == [2, 54]
