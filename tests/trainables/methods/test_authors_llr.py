"""Local linearity regularisation beside its authors' code: the search and its result.

google-deepmind/local_linearity_regularizer, commit 0471752, local_linearity of regularizers.py,
with pgd_attack and UnrolledAdam of google-deepmind/interval-bound-propagation, commit 217a14d;
under TensorFlow 2.21, with float64 in place of float32 and a wave in place of the random start.
Ten steps of Adam at 0.1 and eps 8/255; the penalty is the gap plus 0.3 of the gradient's change.
"""

import pytest

from tests.trainables.formulas import fill, images, labels, network, wave
from trainables.attacks import adam
from trainables.methods import llr
from trainables.threats.linf import Linf

GAP, PENALTY = 0.4505091063480816, 1.1493404696647593
GAP_OF_WHOLE_SEARCH = 0.6941131480500582
"""What the search finds if it differentiates the linear term too: more, and not theirs."""


class WaveBall(Linf):
    """A ball whose random point is a wave, so that the authors' code can start there too."""

    def random_point(self, x, rng):
        return x + self.eps * wave(*x.shape, rate=0.7, shift=1.0)


def nothing(logits, _):
    return 0 * logits.sum(dim=1)


@pytest.mark.parametrize(
    ("knobs", "gap"),
    [({}, GAP), ({"search": "loss"}, GAP), ({"search": "gap"}, GAP_OF_WHOLE_SEARCH)],
)
def test_the_search_finds_what_theirs_finds(knobs, gap):
    model, x, y = fill(network(), gain=4.0), images(), labels()
    x_adv = adam.perturb(
        llr.inner(model, x, y, **knobs), x, y, threat=WaveBall(eps=8 / 255), steps=10, rate=0.1
    )

    def penalty(slope_weight):
        weights = {"gamma_weight": 1.0, "slope_weight": slope_weight}
        return llr.outer(model, x, x_adv, y, criterion=nothing, **weights).item()

    # the two implementations of Adam differ by 1e-9 in a pixel after ten steps
    assert penalty(0.0) == pytest.approx(gap, rel=1e-8)
    if gap == GAP:
        assert penalty(0.3) == pytest.approx(PENALTY, rel=1e-8)
