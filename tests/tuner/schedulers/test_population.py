"""Population-based training, checked by hand."""

import random

import numpy as np
import pytest
from ray import tune

from tests.oracles import make_report
from tuner.schedulers import pb2, pbt
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Resume

PLAN = FidelityPlan(epochs=8, trials=4)
SEARCHED = {"optimizer.lr": tune.loguniform(1e-3, 1e-1)}


def population(scheduler=pbt, **knobs):
    return scheduler.build(course=PLAN, searched=SEARCHED, seed=0, **{"interval": 0.25} | knobs)


def stretch(scheduler, values, epochs=(1, 2)):
    """Report two epochs of each trial, up to a rung."""
    for trial, value in values.items():
        if trial not in scheduler.positions:
            scheduler.on_start(trial)
        decisions = [
            scheduler.on_report(trial, make_report(epoch, value), {"optimizer.lr": 0.01})
            for epoch in epochs
        ]
        assert decisions == ["continue", "pause"]


def steps(scheduler, *, idle=False):
    found = []
    while step := scheduler.next_to_resume(is_idle=idle):
        scheduler.on_resume(step)
        found.append(step)
    return found


def test_the_worst_resumes_from_the_best_with_other_knobs():
    scheduler = population()
    stretch(scheduler, {"a": 0.4, "b": 0.1, "c": 0.3, "d": 0.2})
    taken, *others = steps(scheduler)
    assert (taken.trial, taken.source) == ("b", "a")
    assert taken.hyperparameters["optimizer.lr"] != 0.01
    assert others == [Resume("a", "a"), Resume("c", "c"), Resume("d", "d")]
    stretch(scheduler, {"a": 0.4, "b": 0.5, "c": 0.3, "d": 0.2}, epochs=(3, 4))
    assert steps(scheduler)[0].trial == "d"


def test_no_trial_copies_another_before_the_rung_is_complete():
    scheduler = population()
    stretch(scheduler, {"a": 0.4, "b": 0.1, "c": 0.3})
    assert scheduler.next_to_resume(is_idle=False) is None
    assert scheduler.next_to_resume(is_idle=True) == Resume("a", "a")


def test_trials_that_fail_are_not_waited_for():
    scheduler = population()
    stretch(scheduler, {"a": 0.4, "b": 0.1, "c": 0.3})
    scheduler.on_start("d")
    scheduler.on_end("d")
    assert scheduler.next_to_resume(is_idle=False).trial == "b"


def test_the_same_seed_decides_the_same():
    first, second = population(), population()
    for scheduler in (first, second):
        stretch(scheduler, {"a": 0.4, "b": 0.1, "c": 0.3, "d": 0.2})
    assert steps(first) == steps(second)


def test_a_number_is_multiplied_and_kept_in_its_range():
    found = {pbt.perturb_value(tune.uniform(0, 1), 0.5, 0, random.Random(i)) for i in range(20)}
    assert found == {0.4, 0.6}
    ends = {pbt.perturb_value(tune.uniform(0, 0.5), 0.5, 0, random.Random(i)) for i in range(20)}
    assert ends == {0.4, 0.5}
    counted = {pbt.perturb_value(tune.randint(1, 11), 10, 0, random.Random(i)) for i in range(20)}
    assert counted == {8, 10}


def test_of_listed_values_the_neighbours_are_tried():
    listed = tune.choice([1, 2, 7])
    assert {pbt.perturb_value(listed, 2, 0, random.Random(i)) for i in range(20)} == {1, 7}
    assert {pbt.perturb_value(listed, 1, 0, random.Random(i)) for i in range(20)} == {1, 2}


@pytest.mark.parametrize(
    "domain", [tune.loguniform(1e-3, 1e-1), tune.randint(1, 4), tune.choice([1, 2])]
)
def test_now_and_then_a_value_is_drawn_anew(domain):
    drawn = {pbt.perturb_value(domain, 1, 1, random.Random(i)) for i in range(30)}
    assert len(drawn) > 1
    assert all(value in (1, 2, 3) or 1e-3 <= value <= 1e-1 for value in drawn)


def test_the_bandit_goes_where_accuracy_grew():
    """Of 12 stretches those with a learning rate near 0.01 gained most: it is in the middle."""
    scheduler = pb2.build(
        course=FidelityPlan(epochs=8, trials=12), searched=SEARCHED, seed=0, interval=0.25
    )
    rates = np.geomspace(1e-3, 1e-1, 12)
    for number, rate in enumerate(rates):
        trial = f"{number:04d}"
        scheduler.on_start(trial)
        value = 0.5 - abs(np.log10(rate) + 2) / 4
        for epoch in (1, 2):
            scheduler.on_report(trial, make_report(epoch, value), {"optimizer.lr": float(rate)})
    taken = [
        step.hyperparameters["optimizer.lr"] for step in steps(scheduler) if step.hyperparameters
    ]
    assert len(taken) == 3
    assert len(set(taken)) == 3  # each proposal accounts for the earlier ones
    # a third of the range on either side of the middle; three random draws all lie there with 0.30
    assert 10**-2.66 < taken[0] < 10**-1.33


def test_places_in_a_range():
    domain = tune.loguniform(1e-3, 1e-1)
    assert pb2.normalise_value(domain, 1e-2) == pytest.approx(0.5)
    assert pb2.denormalise_value(domain, 0.5) == pytest.approx(1e-2)
    assert pb2.denormalise_value(tune.uniform(2, 4), 0.25) == 2.5
    assert pb2.denormalise_value(tune.randint(0, 11), 0.44) == 5  # 4.84 of 0 to 11


def test_gains_are_those_of_a_stretch():
    scheduler = population(pb2)
    stretch(scheduler, {"a": 0.4, "b": 0.1, "c": 0.3, "d": 0.2})
    steps(scheduler)
    stretch(scheduler, {"a": 0.5, "b": 0.5, "c": 0.3, "d": 0.2}, epochs=(3, 4))
    rows, gains = pb2.collect_gains(scheduler, 1, SEARCHED)
    assert rows[:, 0].tolist() == [0] * 4 + [1] * 4
    assert rows[:, 1] == pytest.approx(0.5)
    assert gains == pytest.approx([0.4, 0.1, 0.3, 0.2, 0.1, 0.4, 0, 0])
