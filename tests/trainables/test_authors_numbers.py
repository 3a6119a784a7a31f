"""Losses and attacks whose pages say "as in", beside the code that they name, in float64.

Weights and images are those of `formulas`, and starts are a wave. Gradients and adversarial images
are compared by their digests.
"""

from dataclasses import dataclass
from unittest.mock import patch

import pytest
import torch

from tests.trainables.formulas import digest, fill, images, labels, network, wave
from trainables.attacks import fgsm_rs, friendly, pgd
from trainables.criteria import cross_entropy
from trainables.methods import alp, cure, mart, pgd_at
from trainables.threat import shrink_eps
from trainables.threats.linf import Linf


class WaveBall(Linf):
    """A ball whose random point is a wave, so that authors' code can start there too."""

    def random_point(self, x, rng):
        return x + self.eps * wave(*x.shape, rate=0.9, shift=0.2)


def near(expected, error=1e-12):
    """Return what `expected` may be off by; 1e-12 is rounding after a few hundred operations."""
    return pytest.approx(expected, rel=0, abs=error)


def norm_network():
    return fill(network(norm=True), gain=1.5)


@dataclass
class Published:
    """What an authors' code returns.

    Attributes:
        loss: The training loss.
        gradient: Digest of its gradient.
        error: Size of the constants that they add to probabilities and norms, and ours does not.
    """

    loss: float
    gradient: list[float]
    error: float = 1e-12


MART = Published(
    2.409951685125276,
    [0.0026206988019096943, 0.15050143698972823, -0.003410245636222275],
    error=1e-8,  # 1e-7 on the weight of the divergence
)
"""YisenWang/MART, commit 2d83e17, mart_loss of mart.py with a beta of 5."""
ALP = Published(
    1.9574233074732965, [0.001737777594576537, 0.09963281361252675, -0.0009747867990178261]
)
"""ShawnXYang/AT_HE, commit dad6a41, alp_loss of CIFAR-10/losses.py with a beta of 0.5."""
CURE = Published(
    3.854801515653757,
    [0.008988932544240835, 0.38700246329139537, -0.00405645153633504],
    error=1e-7,  # theirs adds 1e-7 to the direction
)
"""F-Salehi/CURE_robustness, commit daeef24, CURELearner.regularizer with h = 0.6 and lambda = 4.

Their loss is taken of each example, and the network has passed the batch in train mode before.
"""
THREE_STEPS = [0.4999836170572338, 0.6532338082653855, 0.04610479080282043]
"""Both MART's and ALP's code reach this after three steps of 0.007 at eps 0.031."""


def nothing(logits, _):
    return 0 * logits.sum(dim=1)


@pytest.mark.parametrize(
    ("outer", "knobs", "published"),
    [
        (mart.outer, {"beta": 5.0}, MART),
        (alp.outer, {"beta": 0.5, "criterion": cross_entropy.loss}, ALP),
    ],
    ids=["mart", "alp"],
)
def test_a_loss_and_its_attack_are_those_of_the_authors(outer, knobs, published):
    model, x, y = norm_network(), images(), labels()
    with patch("torch.randn", lambda shape, **_: wave(*shape, rate=0.9, shift=0.2)):
        x_adv = pgd.perturb(
            pgd_at.inner(model.eval(), x, y),
            x,
            y,
            threat=Linf(eps=0.031),
            steps=3,
            step_size=0.007,
            start="gaussian",
            project_start=False,
        )
    assert digest(x_adv) == near(THREE_STEPS)
    loss = outer(model.train(), x, x_adv, y, **knobs)
    loss.backward()
    assert loss.item() == near(published.loss, published.error)
    gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert digest(gradient) == near(published.gradient, published.error)


def test_the_penalty_of_cure_is_that_of_its_code():
    model, x, y = norm_network(), images(), labels()
    model[1].running_mean.fill_(0.1)
    model[1].running_var.fill_(0.5)
    loss = cure.outer(model, x, x, y, criterion=nothing, weight=4.0, h=0.6)
    loss.backward()
    assert loss.item() == near(CURE.loss, CURE.error)
    gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
    assert digest(gradient) == near(CURE.gradient, CURE.error)


FRIENDLY = {
    0: [0.4999792855120242, 0.6454423515386539, 0.04586758669725062],
    1: [0.4999710170225861, 0.6450815655022154, 0.0459131046165655],
    2: [0.4999601743109871, 0.6447426142750264, 0.04595940496904451],
}
"""By tolerance: ten steps of 0.007 at eps 0.062, a label of six wrong from the start.

zjfheart/Friendly-Adversarial-Training, commit 80a0640, earlystop of earlystop.py, its results put
back in order.
"""


@pytest.mark.parametrize(("tolerance", "expected"), FRIENDLY.items())
def test_friendly_adversaries_are_those_of_the_authors(tolerance, expected):
    model, x = fill(network(shape=(3, 32, 32)), gain=0.4).eval(), images(6, (3, 32, 32))
    y = model(x).argmax(dim=1)
    y[0] = (y[0] + 1) % 5
    knobs = {"threat": WaveBall(eps=0.062), "step_size": 0.007, "tolerance": tolerance}
    assert digest(friendly.perturb(pgd_at.inner(model, x, y), x, y, **knobs)) == near(expected)


def attacked(perturb, **knobs):
    model, x, y = network(), images(), labels()
    return digest(perturb(pgd_at.inner(model, x, y), x, y, **knobs))


def test_fgsm_rs_is_that_of_its_authors():
    """locuslab/fast_adversarial, commit 54f7287, the step of CIFAR10/train_fgsm.py at 10/255."""
    expected = [0.49936173415430407, 0.6485713799121856, 0.0457367569350789]
    assert attacked(fgsm_rs.perturb, threat=WaveBall(eps=8 / 255)) == near(expected)


def test_pgd_is_that_of_rice_et_al():
    """locuslab/robust_overfitting, commit c47a25c, attack_pgd of train_cifar.py, 10 of 2/255."""
    expected = [0.4993200599724724, 0.6493412459707227, 0.04592761961905895]
    assert attacked(pgd.perturb, threat=WaveBall(eps=8 / 255), step_size=2 / 255) == near(expected)


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (1.0, [0.499226630016943, 0.6502199367109934, 0.045696830307922764]),
        (0.3, [0.4995743251975263, 0.6539927119788186, 0.04536429958841452]),
    ],
)
def test_pgd_from_a_point_within_a_step_is_that_of_periodic_scheduling(share, expected):
    """At a share of eps 8/255, with steps that follow it.

    liuchen11/AdversaryLossLandscape, commit 7345678, PGD of util/attack.py.
    """
    threat = shrink_eps(Linf(eps=8 / 255), share, steps_follow=True)
    with patch("torch.rand", lambda shape, **_: (wave(*shape, rate=0.9, shift=0.2) + 1) / 2):
        found = attacked(pgd.perturb, threat=threat, step_size=2 / 255, start="step")
    # they divide the step by eps + 1e-6: 3e-5 of a step of 0.008, in up to 10 steps
    assert found == near(expected, 3e-6)
