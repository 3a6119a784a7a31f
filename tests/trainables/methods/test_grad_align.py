"""GradAlign where alignment is known."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from tests.oracles import Halfspace
from trainables.criteria import cross_entropy
from trainables.methods import grad_align
from trainables.methods._gradient import clip_derivative
from trainables.threats.linf import Linf


def nothing(logits, _):
    return 0 * logits.sum(dim=1)


def test_a_linear_model_is_aligned_so_only_the_criterion_is_left():
    torch.manual_seed(0)
    model, x, y = Halfspace(torch.randn(4)), torch.rand(3, 4), torch.tensor([0, 1, 1])
    loss = grad_align.outer(
        model, x, x, y, criterion=cross_entropy.loss, threat=Linf(eps=0.1), weight=5.0
    )
    torch.testing.assert_close(loss, F.cross_entropy(model(x), y))


class Saddle(nn.Module):
    """Margin w (a^2 - b^2) / 2 of two pixels: its gradient is w (a, -b)."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(1.0))

    def forward(self, x):
        m = self.w * (x[:, 0] ** 2 - x[:, 1] ** 2) / 2
        return torch.stack([-m, m], dim=1) / 2


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        ((1.0, 0.0), (0.0, 1.0), 1.0),
        ((1.0, 0.0), (1.0, 1.0), 1 - 0.5**0.5),
        ((1.0, 0.0), (2.0, 0.0), 0.0),
        ((1e-12, 0.0), (1e-12, 1e-12), 1 - 0.5**0.5),  # as of confident predictions
    ],
)
def test_the_price_is_one_minus_the_cosine_of_the_two_gradients(here, there, expected):
    class Chosen(Linf):
        def random_point(self, x, rng):
            return torch.tensor([there])

    x, y = torch.tensor([here]), torch.tensor([0])
    loss = grad_align.outer(
        Saddle(), x, x, y, criterion=nothing, threat=Chosen(eps=0.1), weight=3.0
    )
    torch.testing.assert_close(loss.item(), 3 * expected, rtol=0, atol=1e-6)  # float32 cosine


def test_an_example_without_a_gradient_is_left_out_of_the_mean():
    """Of four, one has none at the image and one none nearby; the others turn by 90 and 45."""

    class Chosen(Linf):
        def random_point(self, x, rng):
            return torch.tensor([[0.0, 1.0], [1.0, 0.0], [0.0, 0.0], [1.0, 1.0]])

    x, y = torch.tensor([[1.0, 0.0], [0.0, 0.0], [1.0, 0.0], [1.0, 0.0]]), torch.zeros(4).long()
    model, threat = Saddle(), Chosen(eps=0.1)
    loss = grad_align.outer(model, x, x, y, criterion=nothing, threat=threat, weight=1.0)
    torch.testing.assert_close(loss.item(), (1 + 1 - 0.5**0.5) / 2)
    loss.backward()
    assert model.w.grad.isfinite()
    alone = grad_align.outer(model, x[1:2], x[1:2], y[:1], criterion=nothing, threat=Linf(eps=0.0))
    assert abs(alone) < 1e-6  # float32 cosine


def test_a_clip_halves_derivatives_at_its_ends():
    points = torch.tensor([-0.1, 0.0, 0.5, 1.0, 1.1])
    assert clip_derivative(points).tolist() == [0, 0.5, 1, 0.5, 0]
