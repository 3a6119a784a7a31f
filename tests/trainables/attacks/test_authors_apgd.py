"""Auto-PGD for training beside the code of its authors, in float64."""

import pytest

from tests.trainables.formulas import digest, fill, images, labels, network
from trainables.attacks import apgd
from trainables.methods import pgd_at
from trainables.threats.l1 import L1
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf

SHAPE = (3, 16, 16)
PUBLISHED = {
    (Linf(eps=0.05), 3): [0.501013956119619, 0.6479693353731091, 0.04543813972776132],
    (Linf(eps=0.05), 10): [0.5009068241293559, 0.6480078708718959, 0.04548118198817558],
    (Linf(eps=0.05), 40): [0.5010344016091435, 0.6481538567275191, 0.0456655436002629],
    (L2(eps=0.8), 3): [0.5009521146435182, 0.6514181470143587, 0.04522790069978236],
    (L2(eps=0.8), 10): [0.5010119710312688, 0.6515293118154959, 0.04523978442153399],
    (L2(eps=0.8), 40): [0.5010070367460191, 0.6516454555062523, 0.04528849084290195],
    (L1(eps=30.0), 3): [0.49901327839118526, 0.6568551408107066, 0.04087782447195229],
    (L1(eps=30.0), 10): [0.49822840742708013, 0.6557624785438831, 0.040946226233905175],
    (L1(eps=30.0), 40): [0.49807827778847336, 0.655492635807542, 0.04118227340851683],
}
"""fra31/robust-finetuning, commit 0201a49, apgd_train of autopgd_train.py, by norm and steps."""


@pytest.mark.parametrize(("threat", "steps"), PUBLISHED)
def test_the_best_points_are_those_of_the_authors(threat, steps):
    model = fill(network(norm=True, shape=SHAPE), gain=6.0).eval()
    x, y = images(3, SHAPE), labels(3)
    found = apgd.perturb(pgd_at.inner(model, x, y), x, y, threat=threat, steps=steps)
    # l2: 1e-10 is added to lengths here, 1e-12 there
    tolerance = 1e-9 if isinstance(threat, L2) else 1e-12
    assert digest(found) == pytest.approx(PUBLISHED[threat, steps], rel=0, abs=tolerance)
