"""ALP against the value its definition gives."""

import torch

from tests.oracles import Halfspace
from trainables.criteria import cross_entropy
from trainables.methods import alp


def test_one_example_by_hand():
    """Margins 1 and 0: half of each loss, and logits (-1/2, 1/2) against (0, 0)."""
    model, x, y = Halfspace(torch.tensor([1.0])), torch.tensor([[1.0]]), torch.tensor([1])
    loss = alp.outer(model, x, 0 * x, y, criterion=cross_entropy.loss, beta=2.0)
    both = -0.5 * torch.tensor(1.0).sigmoid().log() + 0.5 * torch.tensor(2.0).log()
    torch.testing.assert_close(loss, both + 2 * 0.25)


def test_gradients_flow_through_both_branches():
    model, x = Halfspace(torch.tensor([1.0, 2.0])), torch.rand(3, 2)
    for frozen in (0, 1):
        points = [x, x + 0.1]
        points[frozen] = torch.zeros_like(x)
        model.weight.grad = None
        y = torch.zeros(3).long()
        alp.outer(model, *points, y, criterion=lambda z, _: 0 * z.sum(dim=1)).backward()
        assert model.weight.grad.norm() > 0
