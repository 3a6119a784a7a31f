"""Attacks whose start or first step the published code treats in its own way.

The inputs are those of `formulas`: in float64, and of their pixels more than half are 0 or 1.
"""

from unittest.mock import patch

import pytest
import torch.nn.functional as F

from tests.trainables.formulas import digest, fill, images, labels, network, wave
from trainables.attacks import dynamic, n_fgsm, pgd
from trainables.methods import dat, mart, pgd_at, trades
from trainables.threats.linf import Linf

ROUNDING = 1e-12
"""Numbers of order 1 in float64 after a hundred operations."""


class WaveBall(Linf):
    """A ball whose random point is a wave, so that authors' code can start there too."""

    def random_point(self, x, rng):
        return x + self.eps * wave(*x.shape, rate=0.9, shift=0.2)


def test_n_fgsm_is_that_of_its_authors():
    """Noise of 2 eps, a step of eps, eps of 8/255.

    pdejorge/N-FGSM, commit 0a9e4f0, AttackUtils.attack_nfgsm of utils/attack_utils.py.
    """
    model, x, y = network(), images(), labels()
    objective = pgd_at.inner(model, x, y)
    x_adv = n_fgsm.perturb(objective, x, y, threat=WaveBall(eps=8 / 255))
    expected = [0.4995027097487056, 0.6436764199191498, 0.04582910100024092]
    assert digest(x_adv) == pytest.approx(expected, abs=ROUNDING)
    assert F.cross_entropy(model(x_adv), y).item() == pytest.approx(1.6233325035833752)
    unclipped = n_fgsm.perturb(objective, x, y, threat=WaveBall(eps=8 / 255), clip_noise=False)
    assert F.cross_entropy(model(unclipped), y).item() == pytest.approx(1.598952125412899)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (trades, [0.49956826547992034, 0.6525146840485209, 0.04556836185527085]),
        (mart, [0.5001615039693929, 0.6533540645914937, 0.04619210651366125]),
    ],
)
def test_trades_and_mart_start_where_their_authors_do(method, expected):
    """Three steps of 0.007 at eps 0.031; their normal noise is a wave here.

    yaodongyu/TRADES, commit 6e8e11b, trades.py; YisenWang/MART, commit 2d83e17, mart.py.
    """
    model, x, y = network(norm=True).eval(), images(), labels()
    knobs = {"steps": 3, "step_size": 0.007, **method.COMPANIONS["attack"]}
    assert knobs.pop("name") == "pgd"
    with patch("torch.randn", lambda shape, **_: wave(*shape, rate=0.9, shift=0.2)):
        x_adv, projected = (
            pgd.perturb(method.inner(model, x, y), x, y, threat=Linf(eps=0.031), **settings)
            for settings in (knobs, knobs | {"project_start": True})
        )
    assert digest(x_adv) == pytest.approx(expected, abs=ROUNDING)
    moved = (projected - x_adv).abs() > ROUNDING
    assert moved.double().mean() > 0.1  # the projection of the start changes a tenth of the pixels


class Resonant(Linf):
    """A ball whose random point follows the images, so that FOSC depends on its origin."""

    def random_point(self, x, rng):
        return x + self.eps * wave(*x.shape, rate=0.7, shift=1.0)


def test_dynamic_training_attacks_as_its_authors_do():
    """Ten steps of eps / 4 at eps 0.031, stopped at FOSC 0.22.

    YisenWang/dynamic_adv_training, commit 470210e, LinfPGDAttack.perturb of pgd_attack.py, with a
    session that returns the gradients of the same network.
    """
    model = fill(network(shape=(3, 32, 32)), gain=0.4)
    x, y = images(6, (3, 32, 32)), labels(6)
    knobs = {key: value for key, value in dat.COMPANIONS["attack"].items() if key != "name"}

    def attacked_loss(**changes):
        objective = pgd_at.inner(model, x, y)
        settings = {"threat": Resonant(eps=0.031), "fosc": 0.22, **knobs, **changes}
        x_adv = dynamic.perturb(objective, x, y, **settings)
        return F.cross_entropy(model(x_adv), y).item()

    assert attacked_loss() == pytest.approx(1.8045844121346253, abs=ROUNDING)
    assert attacked_loss(origin="image") == pytest.approx(1.7991, abs=1e-4)  # four decimals
    assert attacked_loss(first_step=False) == pytest.approx(1.7956, abs=1e-4)
    assert attacked_loss(project_start=True) == pytest.approx(1.8004, abs=1e-4)
