"""FGSM with CURE's penalty beside ELLE's code, in float64."""

import pytest
import torch
import torch.nn.functional as F

from tests.trainables.formulas import digest, images, labels, network
from trainables.criteria import cross_entropy
from trainables.methods import fgsm_cure

EPS = 8 / 255


def test_the_penalty_of_fgsm_cure_is_that_of_elle():
    """LIONS-EPFL/ELLE, commit 0f16c0e: loss() of core/utils/train.py.

    With reg=CURE, lin_reg=1000, one step of 8/255 without noise and without clamp. It takes the
    gradient of the mean loss of the batch of four, so that 1000 is 1000 / 16 here.
    """
    model, x, y = network(), images().requires_grad_(), labels()
    (gradient,) = torch.autograd.grad(F.cross_entropy(model(x), y), x)
    x_adv = (x + EPS * gradient.sign()).detach()
    criterion = cross_entropy.loss
    loss = fgsm_cure.outer(model, images(), x_adv, y, criterion=criterion, weight=1000 / 16)
    loss.backward()
    assert loss.item() == pytest.approx(2.203227924301264, rel=0, abs=1e-12)
    assert digest(torch.cat([p.grad.flatten() for p in model.parameters()])) == pytest.approx(
        [0.007477991978319205, 0.6358906021870203, -0.021520006998334958], rel=0, abs=1e-12
    )
