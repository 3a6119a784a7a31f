"""Gradient centralisation by hand."""

import pytest
import torch
from torch.nn import Parameter

from trainables.optimizers import sgd


def stepped(p, grad, **settings):
    """Return how a parameter moved in one step of lr 1."""
    parameter = Parameter(p.clone())
    optimizer = sgd.build([parameter], lr=1.0, **settings)
    parameter.grad = grad.clone()
    optimizer.step()
    return p - parameter.detach()


MATRIX, GRAD = torch.tensor([[1.0, 3.0], [0.0, 2.0]]), torch.tensor([[1.0, 2.0], [5.0, 9.0]])


def test_each_output_channel_loses_its_mean_the_penalty_included():
    """With a penalty of 1: (2, 5) and (5, 11) less 3.5 and 8."""
    moved = stepped(MATRIX, GRAD, weight_decay=1.0, centralize="gc")
    torch.testing.assert_close(moved, torch.tensor([[-1.5, 1.5], [-3.0, 3.0]]))


def test_gcc_leaves_matrices_alone():
    moved = stepped(MATRIX, GRAD, weight_decay=1.0, centralize="gcc")
    torch.testing.assert_close(moved, GRAD + MATRIX)


@pytest.mark.parametrize("centralize", ["gc", "gcc"])
def test_both_centralise_convolutions_over_all_axes_but_the_first(centralize):
    grad = torch.arange(16.0).view(2, 2, 2, 2)
    moved = stepped(torch.zeros(2, 2, 2, 2), grad, weight_decay=0.0, centralize=centralize)
    torch.testing.assert_close(moved[0], grad[0] - 3.5)
    torch.testing.assert_close(moved[1], grad[1] - 11.5)


@pytest.mark.parametrize("centralize", ["gc", "gcc"])
def test_on_a_bias_it_changes_nothing(centralize):
    bias, grad = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 5.0])
    settings = {"weight_decay": 0.1, "momentum": 0.9}
    plain = stepped(bias, grad, **settings)
    torch.testing.assert_close(stepped(bias, grad, **settings, centralize=centralize), plain)


def test_momentum_carries_the_centralised_gradient():
    """Two steps with the same gradient: 1 and then 1.9 times (-0.5, 0.5)."""
    parameter = Parameter(torch.zeros(1, 2))
    optimizer = sgd.build([parameter], lr=1.0, weight_decay=0.0, centralize="gc")
    for _ in range(2):
        parameter.grad = torch.tensor([[1.0, 2.0]])
        optimizer.step()
    torch.testing.assert_close(parameter.detach(), torch.tensor([[1.45, -1.45]]))
