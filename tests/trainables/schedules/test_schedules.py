"""Learning rates and radii at moments worked out by hand."""

import math

import pytest
import torch

from trainables.components import GROUPS
from trainables.eps_schedules import cosine as eps_cosine
from trainables.eps_schedules import linear
from trainables.schedules import cosine, multiple_decay, one_cycle, piecewise
from trainables.schedules import linear as lr_linear
from trainables.scheduling import warmup_factor


@pytest.mark.parametrize(
    ("epoch", "expected"), [(0, 1), (99.9, 1), (100, 0.1), (104.9, 0.1), (105.1, 0.01), (110, 0.01)]
)
def test_bag_of_tricks_drops_at_100_and_105_of_110(epoch, expected):
    assert piecewise.factor(epoch / 110) == pytest.approx(expected)


@pytest.mark.parametrize(("progress", "expected"), [(0, 1), (1 / 3, 0.75), (0.5, 0.5), (1, 0)])
def test_cosine(progress, expected):
    """cos(60 degrees) is a half, so a third of the way there is three quarters of the peak."""
    assert cosine.factor(progress) == pytest.approx(expected, abs=1e-12)  # cos(pi/2) is not 0


@pytest.mark.parametrize(
    ("progress", "expected"), [(0, 0), (0.2, 0.5), (0.4, 1), (0.7, 0.5), (1, 0)]
)
def test_one_cycle(progress, expected):
    assert one_cycle.factor(progress, peak=0.4) == pytest.approx(expected)


@pytest.mark.parametrize(("peak", "expected"), [(0.0, [1, 0.75, 0.5, 0]), (1.0, [0, 0.25, 0.5, 1])])
def test_one_cycle_may_have_its_peak_at_either_end(peak, expected):
    assert [one_cycle.factor(each, peak=peak) for each in (0, 0.25, 0.5, 1)] == expected


def test_one_cycle_may_be_that_of_torch():
    """`OneCycleLR` ends its rise a step early, and its fall at 4e-6."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=101)
    knobs = {"peak": (0.3 * 101 - 1) / 100, "first": 1 / 25, "shape": "cosine"}
    for step in range(100):
        found = one_cycle.factor(step / 100, **knobs)
        assert found == pytest.approx(theirs.get_last_lr()[0], abs=5e-6)
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize("group", ["schedule", "eps_schedule"])
def test_a_constant_is_one(group):
    assert [GROUPS[group].load("constant").factor(each) for each in (0, 0.5, 1)] == [1, 1, 1]


def test_every_factor_is_a_float():
    assert isinstance(piecewise.factor(1.0, drops=(0.5,), decay=2), float)


@pytest.mark.parametrize(
    ("epoch", "line", "steps"),
    [
        (0.5, 0.1, 0.1),
        (19.75, 0.1, 0.1),
        (20.25, 0.1, 0.09),
        (66.5, 0.099328358209, 0.07),
        (100.5, 0.053656716418, 0.05),
        (132.75, 0.010335820896, 0.04),
        (133.5, 0.009932835821, 0.04),
        (180.25, 0.003652985075, 0.01),
        (199.5, 0.001067164179, 0.01),
    ],
)
def test_the_schedules_linear_and_multipledecay_of_rice_et_al(epoch, line, steps):
    """Their learning rates for a peak of 0.1 and 200 epochs.

    From lr_schedule of locuslab/robust_overfitting, commit c47a25c, train_cifar.py, to 12 decimals.
    """
    assert 0.1 * lr_linear.factor(epoch / 200) == pytest.approx(line, rel=0, abs=1e-12)
    assert 0.1 * multiple_decay.factor(epoch / 200) == pytest.approx(steps, rel=0, abs=1e-12)


@pytest.mark.parametrize("levels", [1, 3, 10, 49])
def test_each_level_of_a_multiple_decay_begins_at_its_own_share_of_the_run(levels):
    for level in range(levels + 1):
        height = multiple_decay.factor(level / levels, levels=levels)
        assert height == pytest.approx(1 - level / levels, abs=1e-12)  # rounding near 0


@pytest.mark.parametrize(
    ("progress", "expected"), [(0, 0), (0.15, 0.5), (0.3, 1), (0.31, 1), (1, 1)]
)
def test_warm_up_is_straight_and_never_overshoots(progress, expected):
    assert warmup_factor(progress, warmup=0.3) == pytest.approx(expected)


@pytest.mark.parametrize(("progress", "expected"), [(0, 0), (0.25, 0.5), (0.5, 1), (1, 1)])
def test_a_line_to_twice_eps_is_there_half_way(progress, expected):
    assert linear.factor(progress, peak=2.0) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("progress", "expected"), [(0, 0), (1 / 3, 0.375), (0.608, 1), (0.6, 0.9818), (1, 1)]
)
def test_a_cosine_to_one_and_a_half_eps_is_there_after_61_percent(progress, expected):
    """1 - cos(60 degrees) is a half, so a third of the way there is 0.5 * 1.5 * 0.5."""
    assert eps_cosine.factor(progress, peak=1.5) == pytest.approx(expected, abs=1e-3)


def test_without_a_warm_up_the_start_is_at_full_height():
    assert warmup_factor(0.0, warmup=0.0) == 1
    assert not math.isnan(warmup_factor(0.0))


def test_both_kinds_of_schedule_can_warm_up():
    for group in ("schedule", "eps_schedule"):
        assert "warmup" in GROUPS[group].member_knobs("constant")
