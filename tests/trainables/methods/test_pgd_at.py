"""PGD-AT against the values its definition gives."""

import torch

from tests.oracles import Halfspace
from trainables.criteria import cross_entropy
from trainables.methods import pgd_at


def test_only_the_attacked_image_counts():
    """Margin 0 at the attacked point is a fair coin: log 2, whatever the clean image says."""
    model = Halfspace(torch.tensor([1.0]))
    x, x_adv, y = torch.tensor([[9.0]]), torch.tensor([[0.0]]), torch.tensor([1])
    loss = pgd_at.outer(model, x, x_adv, y, criterion=cross_entropy.loss)
    torch.testing.assert_close(loss, torch.tensor(2.0).log())


def test_the_attack_maximises_plain_cross_entropy():
    """Margin 1 for the label: -log sigmoid(1)."""
    model, x, y = Halfspace(torch.tensor([1.0])), torch.tensor([[1.0]]), torch.tensor([1])
    value, _ = pgd_at.inner(model, x, y)(x)
    torch.testing.assert_close(value, -torch.tensor([1.0]).sigmoid().log())
