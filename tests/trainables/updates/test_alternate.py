"""Micro-batches: less memory, the same update."""

import pytest
import torch
from torch import nn

from tests.trainables.networks.test_folded_view import attack
from trainables.criteria import cross_entropy
from trainables.methods import pgd_at, standard
from trainables.networks.folded_view import FoldedView
from trainables.protocols import BoundAttack, BoundMethod
from trainables.threats.linf import Linf
from trainables.updates import alternate


def updated(**settings):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    x, y = torch.rand(8, 6).double(), torch.randint(0, 3, (8,))
    seen = []

    def outer(model, x, x_adv, y):
        seen.append(len(x))
        return pgd_at.outer(model, x, x_adv, y, criterion=cross_entropy.loss)

    method = BoundMethod(inner=pgd_at.inner, outer=outer)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    pgd = attack(Linf(eps=0.1))
    loss = alternate.update(model, optimizer, x, y, method=method, attack=pgd, **settings)
    return loss, torch.cat([p.detach().flatten() for p in model.parameters()]), seen


PARTS = [(None, [8]), (3, [3, 3, 2]), (8, [8]), (20, [8]), (7, [8]), (1, [1] * 8)]


@pytest.mark.parametrize(("size", "parts"), PARTS)
def test_parts_add_up_to_the_whole(size, parts):
    loss, weights, seen = updated(micro_batch=size)
    assert seen == parts
    expected_loss, expected, _ = updated()
    torch.testing.assert_close(loss, expected_loss, rtol=1e-6, atol=0)  # the sum is in float32
    torch.testing.assert_close(weights, expected, rtol=1e-12, atol=1e-12)  # float64


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_the_attack_sees_the_mode_asked_for_and_training_resumes(mode):
    """In eval mode it attacks the network with BatchNorm folded, and no weight learns from it."""
    model, seen = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)).train(), []

    def inner(attacked, x, y):
        seen.append(type(attacked))
        return attacked

    def perturb(objective, x, y):
        seen.append((model.training, [p.requires_grad for p in model.parameters()]))
        objective(x)
        return x + 1

    before, x = model[1].running_mean.clone(), torch.rand(4, 3)
    method = BoundMethod(inner=inner, outer=pgd_at.outer)
    attack = BoundAttack(perturb=perturb)
    crafted = alternate.craft_examples(model, x, torch.zeros(4).long(), method, attack, mode)
    torch.testing.assert_close(crafted, x + 1)
    kind = FoldedView if mode == "eval" else nn.Sequential
    assert seen == [kind, (mode == "train", [False] * 4)]
    assert model.training
    assert all(p.requires_grad for p in model.parameters())
    assert torch.equal(before, model[1].running_mean) == (mode == "eval")


def test_a_method_without_an_attack_gets_the_images_themselves():
    x, method = torch.rand(4, 3), BoundMethod(inner=standard.inner, outer=standard.outer)
    assert alternate.craft_examples(nn.Linear(3, 2), x, x, method, None, "eval") is x
