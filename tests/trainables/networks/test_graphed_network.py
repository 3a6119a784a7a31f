"""Captured passes, with a recording of operations on the CPU in place of CUDA graphs."""

import pytest
import torch
from torch import nn

from tests.trainables.networks.test_folded_view import logits_and_gradient, trained_like
from tests.trainables.op_tape import OpTape
from trainables.networks.folded_view import folded_view, graphed_view
from trainables.networks.graphed_network import GraphedNetwork
from trainables.networks.modes import frozen_weights
from trainables.robustness.early_stopped_attack import find_robust_images
from trainables.threats.linf import Linf

ROUNDING = {"rtol": 1e-9, "atol": 1e-9}
"""In double precision: kernels of other batch sizes add in another order, 1e-16 a layer."""


def graphed_and_plain(name="preact_resnet18"):
    model = trained_like(name).double()
    view = folded_view(model)
    return GraphedNetwork(view, OpTape), view, model


def images(n, seed=0):
    return torch.rand(n, 3, 16, 16, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize("n", [1, 8, 9, 12])
def test_logits_and_gradients_of_every_size_are_those_of_the_network(n):
    graphed, view, _ = graphed_and_plain()
    for seed in range(2):  # the second call replays what the first one captured
        x = images(n, seed)
        for one, other in zip(
            logits_and_gradient(graphed, x), logits_and_gradient(view, x), strict=True
        ):
            torch.testing.assert_close(one, other, **ROUNDING)
    assert len(graphed.passes) == 1


def test_sizes_between_two_captured_ones_share_the_larger():
    graphed, _, _ = graphed_and_plain()
    with torch.no_grad():
        for n in (3, 8, 9, 10, 12):
            assert graphed(images(n)).shape == (n, 5)
    assert sorted(shape[0] for shape, *_ in graphed.passes) == [8, 12]


def test_a_gradient_after_further_forward_passes_is_that_of_its_own():
    """Passes of all sizes share their memory, so that the earlier one is repeated."""
    graphed, view, _ = graphed_and_plain()
    first, second, third = images(4, 0), images(3, 1), images(10, 2)
    with frozen_weights(view):
        (expected,) = torch.autograd.grad(view(a := first.clone().requires_grad_()).sum(), a)
        (expected_2,) = torch.autograd.grad(view(b := second.clone().requires_grad_()).sum(), b)
    one = graphed(a := first.clone().requires_grad_())
    two = graphed(b := second.clone().requires_grad_())
    graphed(third)
    torch.testing.assert_close(torch.autograd.grad(one.sum(), a)[0], expected, **ROUNDING)
    torch.testing.assert_close(torch.autograd.grad(two.sum(), b)[0], expected_2, **ROUNDING)


def test_it_follows_the_weights():
    graphed, _, model = graphed_and_plain()
    before = graphed(images(4))
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            if tensor.is_floating_point():
                tensor.mul_(1.25)
    view = folded_view(model)
    after = graphed(images(4))
    assert not torch.allclose(before, after)
    torch.testing.assert_close(after, view(images(4)), **ROUNDING)


def test_an_attack_has_the_same_result():
    graphed, view, _ = graphed_and_plain("small_cnn")
    x, y = images(20), torch.arange(20) % 5
    with frozen_weights(view), torch.no_grad():
        y = torch.where(torch.arange(20) < 15, view(x).argmax(dim=1), y)
    settings = {"threat": Linf(eps=0.003), "steps": 5, "step_size": 0.001}
    expected = find_robust_images(view, x, x, y, **settings)
    assert torch.equal(find_robust_images(graphed, x, x, y, **settings), expected)
    assert 0 < expected.sum() < 20
    assert len(graphed.passes) > 1  # misclassified images are dropped


class ReadsItsInput(nn.Module):
    def forward(self, x):
        return x.flatten(1)[:, :5] * x.max().item()


@pytest.mark.parametrize("graph", [OpTape, lambda pool: NotFaster()])
def test_what_cannot_be_captured_or_does_not_pay_runs_as_usual(graph):
    network = ReadsItsInput() if graph is OpTape else nn.Flatten()
    graphed = GraphedNetwork(network, graph)
    for seed in range(2):
        torch.testing.assert_close(graphed(images(2, seed)), network(images(2, seed)))
    assert list(graphed.passes.values()) == [None]


class NotFaster(OpTape):
    def is_faster(self, replay, function):
        replay()
        function()
        return False


def test_no_graph_is_used_on_a_cpu():
    model = trained_like("small_cnn")
    assert graphed_view(model) is folded_view(model)
