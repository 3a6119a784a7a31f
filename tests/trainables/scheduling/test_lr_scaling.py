"""Linear scaling against Table 3 of Bag of Tricks."""

import pytest

from tests.oracles import tiny_config
from trainables.scheduling.lr_scaling import scale_lr
from trainables.training.trial import Trial


@pytest.mark.parametrize(("batch_size", "lr"), [(64, 0.05), (128, 0.1), (256, 0.2), (512, 0.4)])
def test_the_learning_rates_of_the_table(batch_size, lr):
    assert scale_lr(0.1, batch_size, lr_batch_size=128) == pytest.approx(lr)


def test_by_default_nothing_is_scaled():
    assert scale_lr(0.1, 512) == 0.1


def test_a_trial_trains_at_the_scaled_rate():
    trial = Trial(tiny_config(optimizer__lr_batch_size=100, schedule={"name": "constant"}))
    assert trial.run_epoch().lr == pytest.approx(1e-3 * 50 / 100)
