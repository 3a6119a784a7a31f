"""The l1 ball: by hand, and beside the projection of AutoAttack's library."""

import pytest
import torch
from pyautoattack.autopgd_base import L1_projection

from tests.trainables.formulas import images, wave
from trainables.attacks import pgd
from trainables.errors import InputError
from trainables.threat import shrink_eps
from trainables.threats.l1 import L1, build
from tuner.config.compose import compose_plan
from tuner.search import parse_search_arguments


def test_projection_by_hand():
    """Shrinking by 0.1 leaves 0.3 + 0.1 + 0 + 0; in [0, 1] the first can only grow by 0.2."""
    delta = torch.tensor([[0.4, -0.2, 0.1, 0.0]]).double()
    expected = torch.tensor([[0.3, -0.1, 0.0, 0.0]]).double()
    torch.testing.assert_close(L1(eps=0.4).project_to_ball(delta), expected)
    x = torch.tensor([[0.8, 0.5, 0.5, 0.5]]).double()
    # what the first cannot use is left for the others: 0.2 + 0.15 + 0.05
    expected = x + torch.tensor([[0.2, -0.15, 0.05, 0.0]]).double()
    torch.testing.assert_close(L1(eps=0.4).project(x + delta, x), expected)


@pytest.mark.parametrize("eps", [0.3, 3.0, 12.0, 60.0])
@pytest.mark.parametrize("size", [0.01, 0.3, 2.0])
def test_projection_is_that_of_the_library(eps, size):
    """It computes in fp32; of the images, a third of the pixels is 0 or 1."""
    x = images()
    delta = size * wave(*x.shape, rate=2.3, shift=0.4)
    theirs = x + delta + L1_projection(x, delta, eps)
    ours = L1(eps=eps).project(x + delta, x)
    torch.testing.assert_close(ours, theirs.clamp(0, 1), rtol=0, atol=2e-5)
    assert (L1(eps=eps).norm(ours - x) <= eps + 1e-12).all()
    assert ours.min() >= 0
    assert ours.max() <= 1


def test_no_other_point_of_the_ball_is_nearer():
    """A projection has a right or obtuse angle to every allowed point."""
    x, threat = images(), L1(eps=2.0)
    outside = x + 0.5 * wave(*x.shape, rate=1.7)
    nearest = threat.project(outside, x)
    for shift in range(20):
        other = threat.project(x + wave(*x.shape, rate=0.37, shift=shift), x)
        angle = ((outside - nearest) * (other - nearest)).flatten(1).sum(dim=1)
        assert (angle <= 1e-12).all()


def test_a_step_goes_along_the_largest_gradients():
    grad = torch.tensor([[0.1, -3.0, 0.2, 2.0, 0.0, 0.05, -0.3, 0.0], [0.0] * 8]).view(2, 2, 4)
    step = L1(eps=1.0, density=0.25).steepest_step(grad)
    assert step[0].flatten().tolist() == [0, -0.5, 0, 0.5, 0, 0, 0, 0]
    assert not step[1].any()
    # one pixel at least
    assert L1(eps=1.0, density=0.01).steepest_step(grad)[0].flatten().tolist()[1] == -1


def test_random_points_are_the_library_start():
    x = images().float()
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
    expected = x + noise + L1_projection(x, noise, 1.5)
    found = L1(eps=1.5).random_point(x, torch.Generator().manual_seed(3))
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)  # rounding of sums in fp32
    assert L1(eps=1.5).random_point(x.to("meta"), None).device.type == "meta"


def test_the_radius_and_the_norm():
    threat = build(eps=12.0)
    assert (threat.eps, threat.diameter((3, 6, 6))) == (12.0, 108.0)
    assert threat.norm(-torch.ones(2, 3, 6, 6)).tolist() == [108.0, 108.0]
    assert shrink_eps(threat, 0.5) == L1(eps=6.0)
    x = images()
    assert torch.equal(L1(eps=0.0).project(x + 0.1, x), x)


def test_an_attack_reaches_the_best_point_of_a_linear_objective():
    """It is eps at the largest weight, if [0, 1] permits it."""
    x, weight = torch.full((1, 12), 0.5).double(), torch.arange(12).double() / 12

    def objective(z):
        return z @ weight, z

    threat = L1(eps=0.4, density=0.05)
    x_adv = pgd.perturb(objective, x, torch.zeros(1), threat=threat, steps=10, start="zero")
    expected = x.clone()
    expected[0, 11] = 0.9
    torch.testing.assert_close(x_adv, expected)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("attack=dynamic", "threat: l1 has no"),
        ("exam.step_size=0.1", "exam.step_size: must be none"),
    ],
)
def test_what_l1_cannot_do_is_refused(word, expected):
    words = ["space=weight_decay", "threat=l1", "threat.eps=8", word]
    with pytest.raises(InputError) as error:
        compose_plan(*parse_search_arguments(words))
    assert any(problem.startswith(expected) for problem in error.value.problems)
