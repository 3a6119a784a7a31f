"""The weights of dynamic adversarial training."""

import pytest

from tests.trainables.formulas import images, labels, network
from trainables.criteria import cross_entropy
from trainables.methods import dat

PLAIN, WEIGHTED = 1.7959823567931825, 3.2540120431130095
"""Without and with weights, by cross_entropy of losses.py and loss_weight of train_models.py.

YisenWang/dynamic_adv_training, commit 470210e, under TensorFlow 2.21 in float64.
"""


@pytest.mark.parametrize(("progress", "expected"), [(0.0, PLAIN), (0.008, PLAIN), (0.5, WEIGHTED)])
def test_the_loss_is_that_of_its_authors(progress, expected):
    """At the images themselves, from a network whose running statistics are not the batch's."""
    model, x, y = network(norm=True), images(), labels()
    model[1].running_mean.fill_(0.1)
    model[1].running_var.fill_(0.5)
    loss = dat.outer(model, x, x, y, criterion=cross_entropy.loss, progress=progress)
    assert loss.item() == pytest.approx(expected, rel=1e-9)  # theirs adds 1e-12 to probabilities
    assert model.training
    assert dat.outer(model, x, x, y, criterion=cross_entropy.loss).item() == pytest.approx(PLAIN)
