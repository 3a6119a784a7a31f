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
