"""RayS beside its authors' code, in float64: the same radii after the same number of queries.

uclaml/RayS, commit 29bc174, RayS.attack_hard_label of RayS.py, with float as float64.
"""

import pytest
import torch

from tests.trainables.formulas import fill, images, network
from trainables.evaluations import rays

QUERIES = [903, 908, 900, 906, 900, 903]
"""Of 900: more than the round over the 108 pixels takes; the last bisection is finished."""
RADII = [
    0.013326295877398997,
    0.015923940289632402,
    0.011885663616323636,
    0.004777118478743337,
    0.0021845726256244312,
    0.008263924865676453,
]
QUERIES_TO_EPS = [57, 96, 44, 15, 29, 98]
"""Their count when the distance is at most 0.05, with which an image is done."""


@pytest.fixture
def case():
    model = fill(network(), gain=1.5).eval()
    x = 0.5 + 0.4 * (images(6) - 0.5)
    return model, x, torch.tensor([0, 0, 0, 0, 3, 4])


def test_it_goes_on_until_its_queries_are_used_up(case):
    found = rays.search_rays(*case, eps=0.001, queries=900, tolerance=1e-3)
    assert found.queries_used.tolist() == QUERIES
    assert found.radius.tolist() == pytest.approx(RADII, rel=0, abs=1e-14)  # float64's rounding


def test_it_ends_where_an_image_is_within_eps(case):
    found = rays.search_rays(*case, eps=0.05, queries=400, tolerance=1e-3)
    assert found.queries_used.tolist() == QUERIES_TO_EPS
    assert (found.radius <= 0.05).all()


def test_an_image_has_the_same_result_in_any_batch(case):
    model, x, y = case
    for rows in ([4], [5, 0], [3, 1, 2]):
        found = rays.search_rays(model, x[rows], y[rows], eps=0.001, queries=900, tolerance=1e-3)
        assert found.queries_used.tolist() == [QUERIES[row] for row in rows]
        expected = [RADII[row] for row in rows]
        assert found.radius.tolist() == pytest.approx(expected, rel=0, abs=1e-14)


def test_an_image_without_a_boundary_stays_as_it_is():
    x, y = torch.full((2, 1, 4, 4), 0.5), torch.zeros(2).long()

    def constant(z):
        return torch.eye(2)[torch.zeros(len(z)).long()]

    (attempt,) = rays.passes(queries=30)
    from_run = attempt(constant, x, y, threat=rays.Linf(eps=1.0), rng=torch.Generator())
    assert torch.equal(from_run, x)
    found = rays.search_rays(constant, x, y, eps=1.0, queries=30, tolerance=1e-3)
    assert found.queries_used.tolist() == [30, 30]
    assert found.radius.isinf().all()
