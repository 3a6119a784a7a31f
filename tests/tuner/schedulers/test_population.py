"""Population-based training, checked by hand."""

import random

import numpy as np
import pytest
from ray import tune

from tests.oracles import make_report
from trainables.training.fidelity import Level
from tuner.schedulers import pb2, pbt
from tuner.schedulers.core.rungs import FidelityPlan
from tuner.schedulers.core.scheduler import Resume

PLAN = FidelityPlan(epochs=8, trials=4)
SEARCHED = {"optimizer.lr": tune.loguniform(1e-3, 1e-1)}


def population(scheduler=pbt, **knobs):
    return scheduler.build(
        fidelity_plan=PLAN, searched=SEARCHED, seed=0, **{"interval": 0.25} | knobs
    )


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


def test_a_trial_copies_only_from_those_that_are_still_paused():
    """The best has resumed early in an idle slot, so that the worst resumes as it is."""
    scheduler = population()
    stretch(scheduler, {"a": 0.4, "b": 0.1, "c": 0.3})
    scheduler.on_resume(scheduler.next_to_resume(is_idle=True))
    stretch(scheduler, {"d": 0.2})
    assert steps(scheduler) == [Resume(each, each) for each in "cdb"]


@pytest.mark.parametrize(
    ("quantile", "values", "copied"),
    [
        (0.5, [0.1, 0.3, 0.2], {"0": {"1"}}),  # 1.5 of 3 are two, of which one is among the worst
        (0.25, [0.1, 0.3], {"0": {"1"}}),
        (0.5, [0.1], {}),
        (0.5, [0.1, 0.4, 0.2, 0.3], {"0": {"1", "3"}, "2": {"1", "3"}}),
        (0.25, [0.2, 0.2, 0.2, 0.2], {"3": {"0"}}),  # of equal values the earlier ranks higher
    ],
)
def test_a_share_of_the_trials_and_never_more_than_half_copy(quantile, values, copied):
    plan = FidelityPlan(epochs=8, trials=len(values))
    scheduler = pbt.build(
        fidelity_plan=plan,
        searched=SEARCHED,
        seed=0,
        interval=0.25,
        quantile=quantile,
        resample=0.0,
    )
    assert scheduler.levels == (Level(8),)
    for number in range(len(values)):
        assert scheduler.on_start(str(number)) == 0
    stretch(scheduler, {str(number): value for number, value in enumerate(values)})
    found = steps(scheduler)
    assert {each.trial for each in found} == set(map(str, range(len(values))))
    assert {each.trial for each in found if each.hyperparameters} == copied.keys()
    assert all(each.source in copied.get(each.trial, {each.trial}) for each in found)
    assert scheduler.explored[0] == [each.hyperparameters for each in found if each.hyperparameters]
    assert scheduler.explored[1:] == [[], []]
    for each in found:
        if each.hyperparameters:
            assert each.hyperparameters["optimizer.lr"] in {0.008, 0.012}


def test_the_rung_furthest_on_comes_first():
    scheduler = population()
    stretch(scheduler, {"a": 0.4, "b": 0.1})
    scheduler.on_resume(Resume("b", "b"))
    stretch(scheduler, {"b": 0.1}, epochs=(3, 4))
    assert scheduler.next_to_resume(is_idle=True) == Resume("b", "b")


def test_a_trial_that_failed_at_its_rung_is_not_paused():
    scheduler = population()
    scheduler.on_start("a")
    assert scheduler.on_report("a", make_report(2, 0.0, diverged=True), {}) == "continue"
    assert scheduler.next_to_resume(is_idle=True) is None


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


@pytest.mark.parametrize(("value", "tried"), [(1, {1, 2}), (2, {1, 7}), (7, {2, 9}), (11, {9, 11})])
def test_of_listed_values_the_neighbours_are_tried(value, tried):
    listed = tune.choice([1, 2, 7, 9, 11])
    assert {pbt.perturb_value(listed, value, 0, random.Random(i)) for i in range(20)} == tried


@pytest.mark.parametrize(
    ("domain", "value", "nearest"),
    [
        (tune.quniform(0, 1, 0.25), 0.6, 0.5),
        (tune.quniform(0, 1, 0.25), 0.7, 0.75),
        (tune.quniform(0.25, 1, 0.25), 0.0, 0.25),
        (tune.qrandint(2, 10, 4), 11, 8),
        (tune.randint(1, 5), 2.6, 3),
        (tune.randint(1, 5), 9, 4),
        (tune.uniform(0.2, 0.4), 0.3, 0.3),
        (tune.uniform(0.2, 0.4), 0.1, 0.2),
        (tune.loguniform(0.2, 0.4), 0.5, 0.4),
    ],
)
def test_a_number_is_moved_to_the_nearest_value_of_its_range(domain, value, nearest):
    assert pbt.clip_to_domain(domain, value) == pytest.approx(nearest)


def test_the_generator_decides_what_is_drawn():
    for domain in (tune.uniform(0, 1), tune.choice(list(range(100))), tune.randint(0, 100)):
        assert pbt.sample_value(domain, random.Random(1)) == pbt.sample_value(
            domain, random.Random(1)
        )
        drawn = {pbt.sample_value(domain, random.Random(i)) for i in range(30)}
        assert len(drawn) > 10


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
        fidelity_plan=FidelityPlan(epochs=8, trials=12), searched=SEARCHED, seed=0, interval=0.25
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
    steps(scheduler)
    stretch(scheduler, {"a": 0.7, "b": 0.7, "c": 0.7, "d": 0.7}, epochs=(5, 6))
    rows, gains = pb2.collect_gains(scheduler, 1, SEARCHED)
    assert rows[:, 0].tolist() == [0] * 4 + [1] * 4
    assert rows[:, 1] == pytest.approx(0.5)
    assert gains == pytest.approx([0.4, 0.1, 0.3, 0.2, 0.1, 0.4, 0, 0])
    assert (rows.dtype, gains.dtype) == (float, float)
    late = population(pb2)  # a trial that skipped a rung has gained all since the start
    late.rung_values[1], late.rung_knobs[1] = {"a": 0.5}, {"a": {"optimizer.lr": 0.01}}
    assert pb2.collect_gains(late, 1, SEARCHED)[1].tolist() == [0.5]


@pytest.mark.parametrize("values", [[0.1, 0.4], [0.1, 0.4, 0.2, 0.3, 0.35]])
@pytest.mark.parametrize("pending", [0, 2])
def test_the_bandit_takes_the_highest_bound_of_a_thousand_candidates(monkeypatch, values, pending):
    """The process has mean u and deviation sqrt(1 - u^2) at a place u: the best u depends on w.

    The width w is the square root of 0.2 + log(0.4 n), or of 0.2 with less than 2.5 gains n.
    """
    fits, asked = [], []

    class Process:
        def __init__(self, kernel, *, alpha, optimizer):
            assert (type(kernel).__name__, alpha, optimizer) == ("TV_SquaredExp", 1e-6, None)

        def fit(self, x, y):
            fits.append((x, y))

        def predict(self, x, *, return_std=False):
            asked.append(x)
            place = x[:, 1]
            return (place, np.sqrt(1 - place**2)) if return_std else 10 * place

    monkeypatch.setattr(pb2, "GaussianProcessRegressor", Process)
    scheduler = pb2.build(
        fidelity_plan=FidelityPlan(epochs=8, trials=len(values)),
        searched=SEARCHED,
        seed=0,
        interval=0.25,
    )
    stretch(scheduler, {str(number): value for number, value in enumerate(values)})
    scheduler.explored[0] = [{"optimizer.lr": 10.0 ** (-1 - n)} for n in range(pending)]
    found = pb2.propose_knobs(scheduler, 0, SEARCHED, np.random.default_rng(3))
    drawn, n = np.random.default_rng(3).random((1000, 1)), len(values)
    width = (0.2 + (np.log(0.4 * n) if n > 2.5 else 0)) ** 0.5
    best = drawn[np.argmax(drawn + width * np.sqrt(1 - drawn**2)), 0]
    assert found == {"optimizer.lr": pytest.approx(10 ** (2 * best - 3))}
    assert asked[-1][:, 0].tolist() == [1.0] * 1000
    assert np.array_equal(asked[-1][:, 1:], drawn)
    assert fits[0][0][:, 0].tolist() == [0] * n
    deviations = (np.array(values) - np.mean(values)) / np.std(values)
    assert fits[0][1] == pytest.approx(deviations, rel=1e-3)  # Ray adds a little to the deviation
    assert len(fits) == 1 + bool(pending)
    if pending:
        assert fits[1][0][n:].tolist() == [[1.0, pytest.approx(1.0)], [1.0, pytest.approx(0.5)]]
        assert fits[1][1][n:] == pytest.approx([10.0, 5.0])


def test_the_bandit_refuses_listed_values():
    listed = {"a.b": tune.choice([1, 2]), "c.d": tune.uniform(0, 1), "e.f": tune.grid_search([1])}
    found = list(pb2.conflicts(listed))
    assert [text.split("range for ")[1].split(";")[0] for text in found] == ["a.b", "e.f"]


def test_trials_of_a_population_change_their_knobs():
    assert pbt.POPULATION is True
    assert pb2.POPULATION is True
