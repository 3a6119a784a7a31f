"""Attacks whose start or first step the published code treats in its own way.

The inputs are those of `formulas`: in float64, and of their pixels more than half are 0 or 1.
"""

import pytest
import torch.nn.functional as F

from tests.trainables.formulas import digest, images, labels, network, wave
from trainables.attacks import n_fgsm
from trainables.methods import pgd_at
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
