"""TRADES against the values its definition gives."""

import torch
import torch.nn.functional as F
from torch import nn

from tests.oracles import Halfspace
from trainables.criteria import cross_entropy
from trainables.methods import trades


def test_without_its_penalty_it_is_standard_training():
    model, x, y = Halfspace(torch.ones(4)), torch.rand(3, 4), torch.tensor([0, 1, 1])
    loss = trades.outer(model, x, x + 0.3, y, criterion=cross_entropy.loss, beta=0.0)
    torch.testing.assert_close(loss, F.cross_entropy(model(x), y))


def test_one_example_by_hand():
    """Margins 1 (clean) and 0 (attacked): a coin with p = sigmoid(1) against a fair one."""
    model, x, y = Halfspace(torch.tensor([1.0])), torch.tensor([[1.0]]), torch.tensor([1])
    p = torch.tensor(1.0).sigmoid()
    shift = p * (p / 0.5).log() + (1 - p) * ((1 - p) / 0.5).log()
    loss = trades.outer(model, x, 0 * x, y, criterion=cross_entropy.loss, beta=2.0)
    torch.testing.assert_close(loss, -p.log() + 2 * shift)
    crossed = trades.outer(model, x, 0 * x, y, criterion=cross_entropy.loss, beta=2.0, variant="ce")
    torch.testing.assert_close(crossed, -p.log() + 2 * torch.tensor(2.0).log())


class Prepared(nn.Module):
    """A network that returns given logits, the last first."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, x):
        return self.logits.pop()


def test_the_variants_differ_only_in_the_gradient_of_the_clean_branch():
    torch.manual_seed(0)
    clean, adversarial = torch.randn(4, 5), torch.randn(4, 5)
    gradients = []
    for variant in ("kl", "ce"):
        a, b = clean.clone().requires_grad_(), adversarial.clone().requires_grad_()
        logits = [b, a]
        trades.outer(
            Prepared(logits),
            clean,
            adversarial,
            torch.zeros(4).long(),
            criterion=cross_entropy.loss,
            variant=variant,
        ).backward()
        gradients.append((a.grad, b.grad))
    torch.testing.assert_close(gradients[0][1], gradients[1][1])
    assert not torch.allclose(gradients[0][0], gradients[1][0])


def test_the_attack_climbs_the_divergence_from_a_constant():
    model, x = Halfspace(torch.tensor([2.0])), torch.tensor([[0.5]])
    value, _ = trades.inner(model, x, torch.tensor([1]))(x.clone().requires_grad_())
    torch.testing.assert_close(value, torch.zeros(1))
