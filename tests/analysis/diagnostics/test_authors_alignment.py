"""Gradient alignment beside its authors' code on images with many pixels at 0 or 1.

tml-epfl/understanding-fast-adv-training, commit ceed494, get_grad_np and avg_cos_np of utils.py, in
float64 and with a wave as the random point.
"""

import pytest

from analysis.diagnostics import gradient_alignment
from tests.trainables.formulas import fill, images, labels, network, wave
from trainables.threats.linf import Linf


class WaveBall(Linf):
    """A ball whose random point is a wave, so that the authors' code can take it too."""

    def random_point(self, x, rng):
        return x + self.eps * wave(*x.shape, rate=1.9, shift=0.3)


@pytest.mark.parametrize(
    ("eps", "theirs", "whole"),
    [
        (8 / 255, 0.884162261621231, 0.9983235238123533),
        (0.3, 0.7434342245635694, 0.9102755049536447),
    ],
)
def test_gradients_pass_through_the_clip_as_in_their_evaluation(eps, theirs, whole):
    model, threat = fill(network(), gain=3.0), WaveBall(eps=eps)
    for knobs, expected in (({}, theirs), ({"through_clip": False}, whole)):
        found = gradient_alignment.measure(model, images(), labels(), threat=threat, **knobs)
        assert found["alignment"].mean().item() == pytest.approx(expected, rel=0, abs=1e-12)
