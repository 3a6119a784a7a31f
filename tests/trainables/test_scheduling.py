"""Periods against the epochs of the paper, 0:100:150:200; linear scaling against Bag of Tricks."""

import pytest

from tests.oracles import tiny_config
from trainables.binding import bind
from trainables.components import GROUPS
from trainables.hparams.knobs import check_value, read_knobs
from trainables.scheduling import locate_period, scale_lr
from trainables.threats.linf import Linf
from trainables.training.loop import step_settings
from trainables.training.trial import Trial

RESETS = (100 / 200, 150 / 200)


@pytest.mark.parametrize(
    ("epoch", "expected"),
    [(0, (0, 0)), (50, (0, 0.5)), (100, (1, 0)), (125, (1, 0.5)), (150, (2, 0)), (200, (2, 1))],
)
def test_the_period_of_an_epoch(epoch, expected):
    completed, share = locate_period(epoch / 200, resets=RESETS)
    assert (completed, share) == pytest.approx(expected)


def test_rounding_does_not_delay_a_period():
    for epochs in range(1, 400):
        for epoch in range(1, epochs):
            milestone = 1 - (epochs - epoch) / epochs  # epoch / epochs, but for rounding
            assert locate_period(epoch / epochs, resets=(milestone,))[0] == 1


def test_without_resets_there_is_one_period():
    assert locate_period(0.3) == (0, 0.3)


@pytest.mark.parametrize("wrong", [(0.5, 0.5), (0.7, 0.5), (0.0, 0.5), (0.5, 1.0), (100, 150)])
def test_invalid_milestones_are_refused(wrong):
    knob = read_knobs(locate_period)["resets"]
    assert list(check_value("periods.resets", knob, wrong))


def test_learning_rate_and_eps_start_over():
    """A quarter into the second period, both are where they were a quarter into the first."""
    config = tiny_config(periods={"resets": [0.5]}, eps_schedule={"name": "linear", "peak": 1.0})
    parts = bind({key: value for key, value in config.items() if key in GROUPS})
    one, other = (
        step_settings(parts, Linf(eps=0.1), 1e-3, progress) for progress in (0.125, 0.625)
    )
    assert one == other
    assert one.threat.eps == pytest.approx(0.025)
    assert one.lr == pytest.approx(1e-3 * 0.25 / 0.4)  # one-cycle, to its peak at 0.4


def test_a_run_of_three_periods_keeps_three_ends():
    trial = Trial(tiny_config(periods={"resets": [0.5, 0.75]}, average={"name": "ensemble"}))
    members = []
    for _ in trial.run_epochs():
        members.append(len(trial.average.period_models))
    assert members == [0, 1, 2, 2]
    assert len(trial.average.evaluation_model().members) == 3


@pytest.mark.parametrize(("batch_size", "lr"), [(64, 0.05), (128, 0.1), (256, 0.2), (512, 0.4)])
def test_the_learning_rates_of_table_3_of_bag_of_tricks(batch_size, lr):
    assert scale_lr(0.1, batch_size, lr_batch_size=128) == pytest.approx(lr)


def test_by_default_nothing_is_scaled():
    assert scale_lr(0.1, 512) == 0.1


def test_a_trial_trains_at_the_scaled_rate():
    trial = Trial(tiny_config(optimizer__lr_batch_size=100, schedule={"name": "constant"}))
    assert trial.run_epoch().lr == pytest.approx(1e-3 * 50 / 100)
