"""Hypersphere embedding by hand."""

import math

import pytest
import torch
from torch import nn

from trainables.criteria import cross_entropy, hypersphere
from trainables.methods import alp, pgd_at, trades
from trainables.networks.heads import CosineHead, cosine_scale, with_head


def head(weight, s=2.0):
    cosine = CosineHead(2, len(weight), s)
    cosine.weight.data = torch.tensor(weight)
    return cosine


def test_logits_are_scaled_cosines():
    """The feature (3, 4) against (1, 0) and (0, -2): cosines 3/5 and -4/5, times 2."""
    logits = head([[1.0, 0.0], [0.0, -2.0]])(torch.tensor([[3.0, 4.0]]))
    torch.testing.assert_close(logits, torch.tensor([[1.2, -1.6]]))


def test_directions_are_put_back_on_the_sphere():
    cosine = head([[3.0, 4.0], [0.0, -2.0]])
    cosine(torch.ones(1, 2))
    torch.testing.assert_close(cosine.weight.data, torch.tensor([[0.6, 0.8], [0.0, -1.0]]))


def test_the_projection_is_not_differentiated():
    """The gradient by the direction is s times the feature, including the radial part."""
    cosine = head([[1.0, 0.0], [0.0, 1.0]])
    cosine(torch.tensor([[3.0, 4.0]]))[0, 0].backward()
    torch.testing.assert_close(cosine.weight.grad[0], 2 * torch.tensor([0.6, 0.8]))


def test_two_passes_can_be_differentiated_together():
    cosine = head([[3.0, 4.0], [0.0, -2.0]])
    (cosine(torch.ones(1, 2)).sum() + cosine(torch.zeros(1, 2)).sum()).backward()
    assert cosine.weight.grad.isfinite().all()


def test_only_the_last_linear_layer_is_replaced():
    net = with_head(
        nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Linear(4, 5))), head="cosine", s=7
    )
    assert isinstance(net[0], nn.Linear)
    assert isinstance(net[1][0], CosineHead)
    assert cosine_scale(net) == 7
    assert cosine_scale(nn.Linear(2, 2)) == 1


def test_the_margin_by_hand():
    """Cosines 0.6 and -0.8, s = 2, m = 0.1: -log of 1 / (1 + exp(-1.6 - 1.0))."""
    logits, y = torch.tensor([[1.2, -1.6]]), torch.tensor([0])
    loss = hypersphere.loss(logits, y, scale=2.0, m=0.1)
    torch.testing.assert_close(loss, torch.tensor([math.log(1 + math.exp(-1.6 - 1.0))]))


def test_without_a_margin_it_is_cross_entropy():
    logits, y = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    expected = cross_entropy.loss(logits, y)
    torch.testing.assert_close(hypersphere.loss(logits, y, scale=9.0, m=0.0), expected)


def test_labels_may_be_probabilities():
    logits = torch.randn(5, 3)
    y = torch.tensor([0, 1, 2, 0, 1])
    soft = torch.nn.functional.one_hot(y, 3).float()
    torch.testing.assert_close(
        hypersphere.loss(logits, soft, scale=2.0), hypersphere.loss(logits, y, scale=2.0)
    )


@pytest.mark.parametrize("method", [pgd_at, trades, alp])
def test_attacks_do_not_see_the_margin(method):
    model, x, y = head([[1.0, 0.0], [0.0, 1.0]]), torch.rand(4, 2), torch.tensor([0, 1, 0, 1])
    value, logits = method.inner(model, x, y)(x)
    clean = nn.functional.cross_entropy(logits, y, reduction="none")
    if method is trades:
        torch.testing.assert_close(value, torch.zeros(4))  # no shift at the image, whatever m
    else:
        torch.testing.assert_close(value, clean)


def test_pairing_is_of_cosines_not_of_scaled_ones():
    """Cosines (1, 0) and (0.6, 0.8): mean square 0.4, whatever the scale."""
    x, x_adv = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 4.0]])
    y = torch.tensor([0])
    model = head([[1.0, 0.0], [0.0, 1.0]], s=5.0)

    def loss(beta):
        criterion = cross_entropy.loss
        return alp.outer(
            model, x, x_adv, y, criterion=criterion, scale=cosine_scale(model), beta=beta
        )

    torch.testing.assert_close(loss(1.0) - loss(0.0), torch.tensor(0.4))
