"""Measures of the loss over images, against numbers worked out by hand and exact oracles."""

import math

import pytest
import torch
from torch import nn

from analysis.diagnostics import (
    fgsm_pgd_gap,
    fosc,
    gradient_alignment,
    local_linearity,
    transfer,
)
from tests.oracles import Halfspace
from tests.trainables.robustness.test_overfitting_detector import (
    BENT,
    SAFE,
    WRONG,
    Bent,
    ones,
    pixels,
)
from trainables.attacks import adam
from trainables.methods import llr
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf

LINF = Linf(eps=0.1)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def sigmoid(z):
    return 1 / (1 + math.exp(-z))


class Paraboloid(nn.Module):
    """Two classes whose margin is half the squared length: its gradient points from the origin."""

    def forward(self, x):
        m = x.flatten(1).square().sum(dim=1) / 2
        return torch.stack([-m, m], dim=1) / 2


class Wavy(nn.Module):
    """One pixel, whose loss goes up and down many times within the ball."""

    def forward(self, x):
        m = torch.sin(60 * x.flatten(1)[:, 0])
        return torch.stack([-m, m], dim=1) / 2


@pytest.mark.parametrize("threat", [LINF, L2(eps=1.0)])
def test_gradients_of_a_plane_are_aligned(threat):
    x = torch.rand(7, 1, 3, 2, generator=rng(1))
    model = Halfspace(torch.linspace(-1, 1, 6))
    found = gradient_alignment.measure(
        model, x, ones(x), threat=threat, rng=rng(), through_clip=False
    )
    # float32 rounding of a sum of six products
    torch.testing.assert_close(found["alignment"], torch.ones(7), rtol=0, atol=1e-6)


def test_alignment_is_the_angle_between_an_image_and_a_point_inside_ball_and_range():
    x = torch.tensor([[0.0, 0.3], [0.05, 0.95], [0.5, 0.1]]).view(3, 1, 1, 2)
    found = gradient_alignment.measure(Paraboloid(), x, ones(x), threat=LINF, rng=rng(3))
    point = (x + 0.1 * (2 * torch.rand(x.shape, generator=rng(3)) - 1)).clamp(0, 1)
    one, other = x.flatten(1).double(), point.flatten(1).double()
    expected = (one * other).sum(dim=1) / (one.norm(dim=1) * other.norm(dim=1))
    assert (expected < 0.999).any()
    torch.testing.assert_close(found["alignment"].double(), expected, rtol=0, atol=1e-6)


def test_tiny_gradients_have_an_alignment_and_zero_gradients_have_none():
    """At a margin of 60 the gradient norm is about 1e-26, below the eps of torch's cosine."""
    x = pixels(0.5, 0.6)
    sure = Halfspace(torch.ones(1), bias=-60.0)
    found = gradient_alignment.measure(sure, x, torch.zeros(2).long(), threat=LINF, rng=rng())
    assert found["alignment"].tolist() == [1, 1]
    flat = Halfspace(torch.zeros(1))
    found = gradient_alignment.measure(flat, x, ones(x), threat=LINF, rng=rng())
    assert found["alignment"].isnan().all()


def test_gamma_of_a_halfspace_is_that_at_the_far_end():
    """softplus(-m) is convex, so that its gap is largest where the pixel, at 0, can get farthest:
    at 0.3, where the margin has grown from 0.5 by 3 * 0.3."""
    model, x = Halfspace(torch.tensor([3.0]), bias=0.5), pixels(*[0.0] * 8)
    found = local_linearity.measure(model, x, ones(x), threat=Linf(eps=0.3), rng=rng())
    here, there = (math.log1p(math.exp(-m)) for m in (0.5, 1.4))
    expected = there - here + sigmoid(-0.5) * 0.9
    # a search that starts at 0 sees a gap of 0 and stays; float32
    assert found["gamma"].max().item() == pytest.approx(expected, abs=1e-6)


def test_gamma_vanishes_where_the_loss_is_linear():
    """Wrong by a margin of 100 the loss is the margin, to float32."""
    model, x = Halfspace(torch.ones(2), bias=-100.0), torch.rand(4, 1, 1, 2, generator=rng())
    found = local_linearity.measure(model, x, ones(x), threat=LINF, rng=rng())
    assert found["gamma"].max() < 1e-4  # float32 rounding of numbers near 100 is 8e-6


def test_gamma_is_the_largest_gap_of_all_steps():
    x = torch.rand(50, 1, 1, 1, generator=rng(5))
    found = local_linearity.measure(Wavy(), x, ones(x), threat=LINF, rng=rng(), steps=9)["gamma"]
    gap = llr.inner(Wavy(), x, ones(x), search="gap")
    end = adam.perturb(gap, x, ones(x), threat=LINF, rng=rng(), steps=9)
    at_end, _ = gap(end)
    assert (found >= at_end).all()
    assert (found > at_end + 0.1).any()


def test_fosc_vanishes_where_pgd_has_reached_the_corner():
    model = Halfspace(torch.tensor([1.0, -2.0, 0.5]))
    x = torch.full((5, 1, 1, 3), 0.5)
    found = fosc.measure(model, x, ones(x), threat=LINF, rng=rng(), steps=10)
    for each in found.values():
        torch.testing.assert_close(each, torch.zeros(5), rtol=0, atol=1e-6)


def test_fosc_of_one_step_is_the_unused_part_of_the_radius():
    """The gradient is -sigmoid(-m) w: the loss could grow by sigmoid(-m) |w| per unit of pixel."""
    model, x = Halfspace(torch.tensor([2.0]), bias=-1.0), torch.full((6, 1, 1, 1), 0.5)
    found = fosc.measure(model, x, ones(x), threat=LINF, rng=rng(2), steps=1, step_size=0.03)
    begin = x + 0.1 * (2 * torch.rand(x.shape, generator=rng(2)) - 1)
    at = (begin - 0.03).clamp(min=0.4).flatten()
    expected = torch.tensor([2 * sigmoid(1 - 2 * z) * (z - 0.4) for z in at.tolist()])
    assert (expected > 0.01).any()
    for each in found.values():
        torch.testing.assert_close(each, expected, rtol=0, atol=1e-6)


def test_fosc_ignores_the_pixel_range_and_fosc_in_range_respects_it():
    """At 0 the pixel cannot fall; the gradient there is -sigmoid(0) = -1/2, the radius 0.3."""
    model, x = Halfspace(torch.ones(1)), pixels(0.0)
    found = fosc.measure(model, x, ones(x), threat=Linf(eps=0.3), rng=rng(), steps=10)
    assert found["fosc"].item() == pytest.approx(0.15, abs=1e-6)
    assert found["fosc_in_range"].item() == 0


def test_the_gap_counts_images_that_only_pgd_misclassifies():
    x = pixels(BENT, BENT, SAFE, WRONG)
    found = fgsm_pgd_gap.measure(Bent(), x, ones(x), threat=LINF, rng=rng(), steps=20)
    assert found["clean_accuracy"].tolist() == [1, 1, 1, 0]
    assert found["fgsm_accuracy"].tolist() == [1, 1, 1, 0]
    assert found["pgd_accuracy"].tolist() == [0, 0, 1, 0]
    assert found["accuracy_gap"].tolist() == [1, 1, 0, 0]
    assert found["step_cosine"].tolist() == [1, 1, 1, 1]


def test_a_plane_has_the_exact_accuracy_under_both_attacks():
    weight = torch.tensor([1.0, -2.0, 0.5, 1.0])
    model, x = Halfspace(weight, bias=0.2), 0.2 + 0.6 * torch.rand(200, 1, 2, 2, generator=rng(4))
    found = fgsm_pgd_gap.measure(model, x, ones(x), threat=LINF, rng=rng(), steps=10)
    right = (model.worst_margin(x, 0.1, "linf") > 0).float()
    assert 0 < right.mean() < found["clean_accuracy"].mean() < 1
    assert torch.equal(found["fgsm_accuracy"], right)
    assert torch.equal(found["pgd_accuracy"], right)


def test_transfer_is_exact_on_planes():
    """Against its own examples a plane is right where its worst margin is positive; its negative,
    with the same labels, is right just where it is not."""
    weight = torch.tensor([1.0, -2.0, 0.5, 1.0])
    one, negative = Halfspace(weight, bias=0.2), Halfspace(-weight, bias=-0.2)
    x = 0.2 + 0.6 * torch.rand(200, 1, 2, 2, generator=rng(4))
    others = {"a": one, "b": negative}
    found = transfer.measure(one, x, ones(x), threat=LINF, others=others, rng=rng())
    right = (one.worst_margin(x, 0.1, "linf") > 0).float()
    assert 0 < right.mean() < 1
    assert torch.equal(found["accuracy of a"], right)
    assert torch.equal(found["accuracy of b"], 1 - right)
