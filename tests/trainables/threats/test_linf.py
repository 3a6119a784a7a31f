"""The linf ball, by hand."""

import torch

from trainables.threat import shrink_eps
from trainables.threats.linf import Linf, build


def test_projection_clamps_to_the_ball_and_to_the_box():
    x = torch.tensor([[0.5, 0.05, 0.95]])
    x_adv = torch.tensor([[0.9, -0.5, 0.97]])
    expected = torch.tensor([[0.6, 0.0, 0.97]])
    torch.testing.assert_close(Linf(eps=0.1).project(x_adv, x), expected)


def test_random_points_fill_the_ball():
    x = torch.full((1, 20_000), 0.5)
    moved = Linf(eps=0.2).random_point(x, torch.Generator().manual_seed(0)) - x
    assert moved.abs().max() <= 0.2 + 1e-6  # float32 rounding of x + eps
    # a uniform draw on [-a, a] has variance a^2 / 3; 20,000 draws know it to about 0.9 %
    torch.testing.assert_close(moved.var().item(), 0.04 / 3, rtol=0.05, atol=0)


def test_steepest_is_the_sign():
    grad = torch.tensor([[3.0, -0.1, 0.0]])
    assert torch.equal(Linf(eps=0.4).steepest_step(grad), torch.tensor([[1.0, -1.0, 0.0]]))


def test_a_shrunk_ball_has_a_share_of_the_radius_and_of_the_steps_if_they_follow():
    full = build(eps=0.4)
    assert shrink_eps(full, 0.5, steps_follow=True) == Linf(eps=0.2, step_scale=0.5)
    assert shrink_eps(full, 0.5, steps_follow=False) == Linf(eps=0.2)
