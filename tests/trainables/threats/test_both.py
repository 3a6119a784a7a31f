"""What both balls have in common, on batches of images that are not square."""

import pytest
import torch

from trainables.binding import check_member
from trainables.components import GROUPS
from trainables.threats import l2, linf
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf

EPS, SHAPE = 0.3, (5, 2, 3, 4)
THREATS = [Linf(eps=EPS), L2(eps=EPS)]
each_threat = pytest.mark.parametrize("threat", THREATS, ids=["linf", "l2"])


def lengths(threat, delta):
    flat = delta.reshape(5, 24)
    if threat is THREATS[0]:
        return torch.stack([each.abs().max() for each in flat])
    return torch.stack([each.square().sum().sqrt() for each in flat])


def batch():
    """Return perturbations of very different lengths, the first one zero."""
    torch.manual_seed(0)
    delta = torch.randn(SHAPE).double() * torch.tensor([0.0, 1e-3, 0.1, 1.0, 50.0]).view(5, 1, 1, 1)
    delta[3] = -delta[3].abs()
    return delta


@each_threat
def test_the_norm_is_of_each_image(threat):
    delta = batch()
    torch.testing.assert_close(threat.norm(delta), lengths(threat, delta))


@each_threat
def test_no_projection_is_longer_than_the_radius_and_no_step_than_one(threat):
    """Not even by rounding, and what is short stays as it is."""
    delta = batch()
    inside = threat.project_to_ball(delta)
    assert (lengths(threat, inside) <= EPS).all()
    torch.testing.assert_close(inside[:2], delta[:2], rtol=0, atol=0)
    torch.testing.assert_close(threat.norm(inside)[3:], torch.tensor([EPS, EPS]).double())
    steps = threat.steepest_step(delta)
    assert (lengths(threat, steps) <= 1).all()
    assert not steps[0].any()
    # it gains most: the dual norm of the gradient
    gained = (steps * delta).flatten(1).sum(dim=1)
    dual = delta.abs().flatten(1).sum(dim=1) if threat is THREATS[0] else lengths(threat, delta)
    torch.testing.assert_close(gained, dual, rtol=1e-6, atol=0)  # 1e-10 is added to lengths


@each_threat
def test_a_random_point_is_the_draw_of_its_generator(threat):
    x = torch.rand(SHAPE).double()
    found = threat.random_point(x, torch.Generator().manual_seed(3))
    rng = torch.Generator().manual_seed(3)
    draw = {"generator": rng, "dtype": torch.float64}
    if threat is THREATS[0]:
        expected = x + EPS * (2 * torch.rand(SHAPE, **draw) - 1)
    else:
        direction, share = torch.randn(SHAPE, **draw), torch.rand((5, 1, 1, 1), **draw)
        expected = x + EPS * share * direction / lengths(threat, direction).view(5, 1, 1, 1)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-9)  # 1e-10 is added to lengths
    assert threat.random_point(x.to("meta"), None).device.type == "meta"
    assert threat.random_point(x.float(), None).dtype == torch.float32


def test_the_diameter_is_from_black_to_white():
    for threat, expected in zip(THREATS, (1.0, 24**0.5), strict=True):
        assert threat.diameter((2, 3, 4)) == pytest.approx(expected)
        assert threat.norm(torch.ones(SHAPE))[0] == pytest.approx(expected)


def test_each_is_built_with_its_radius():
    assert (linf.build(eps=0.2), l2.build(eps=2.0)) == (Linf(eps=0.2), L2(eps=2.0))


@pytest.mark.parametrize(
    ("name", "eps", "allowed"),
    [
        ("linf", 0.0, False),
        ("linf", 1e-9, True),
        ("linf", 1.0, True),
        ("linf", 1.0001, False),
        ("l2", 0.0, False),
        ("l2", 30.0, True),
    ],
)
def test_which_radii_are_allowed(name, eps, allowed):
    assert (list(check_member("threat", GROUPS["threat"], name, {"eps": eps})) == []) == allowed
