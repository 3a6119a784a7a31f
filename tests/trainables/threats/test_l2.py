"""The l2 ball, by hand."""

import torch

from trainables.threats.l2 import L2


def test_projection_shortens_to_the_radius():
    x, x_adv = torch.full((1, 2), 0.5), torch.tensor([[0.5 + 0.3, 0.5 + 0.4]])  # length 0.5
    expected = torch.tensor([[0.5 + 0.06, 0.5 + 0.08]])  # a fifth of it
    torch.testing.assert_close(L2(eps=0.1).project(x_adv, x), expected)


def test_a_short_perturbation_is_left_alone():
    x, x_adv = torch.full((1, 2), 0.5), torch.tensor([[0.51, 0.52]])
    torch.testing.assert_close(L2(eps=0.1).project(x_adv, x), x_adv, rtol=0, atol=1e-7)


def test_steepest_has_length_one_for_each_example_and_a_zero_gradient_stays_zero():
    grad = torch.zeros(3, 1, 2, 2)
    grad[0, 0, 0, 0], grad[1] = 5.0, 1e-3
    lengths = L2(eps=1.0).steepest_step(grad).flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, torch.tensor([1.0, 1.0, 0.0]))


def test_random_points_reach_out_evenly_to_the_radius():
    x = torch.full((20_000, 4), 0.5)
    length = (L2(eps=0.2).random_point(x, torch.Generator().manual_seed(0)) - x).norm(dim=1)
    assert length.max() <= 0.2 + 1e-6  # float32 rounding
    # uniform on [0, a] has mean a / 2 and std a / sqrt(12): 6 standard errors are 2.4 %
    torch.testing.assert_close(length.mean().item(), 0.1, rtol=0.025, atol=0)
