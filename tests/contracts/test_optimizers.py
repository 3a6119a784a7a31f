"""What every optimizer must do."""

import pytest
import torch

from trainables.components import GROUPS

each = pytest.mark.parametrize("name", GROUPS["optimizer"].members())


@each
def test_it_descends(name):
    w = torch.nn.Parameter(torch.tensor([3.0]))
    optimizer = GROUPS["optimizer"].load(name).build([w], lr=0.1, weight_decay=0.0)
    for _ in range(5):
        optimizer.zero_grad()
        w.square().sum().backward()
        optimizer.step()
    assert w.item() < 3.0


@each
def test_weight_decay_pulls_towards_zero_without_a_gradient(name):
    w = torch.nn.Parameter(torch.tensor([3.0]))
    optimizer = GROUPS["optimizer"].load(name).build([w], lr=0.1, weight_decay=0.1)
    w.grad = torch.zeros_like(w)
    optimizer.step()
    assert 0 < w.item() < 3.0
