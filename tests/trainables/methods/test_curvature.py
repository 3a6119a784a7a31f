"""CURE, FGSM+CURE and LLR on a loss whose gradient and curvature are known."""

import pytest
import torch
from torch import nn

from tests.oracles import Halfspace
from trainables.attacks import adam
from trainables.criteria import cross_entropy
from trainables.methods import cure, fgsm_cure, llr
from trainables.methods._gradient import input_gradient
from trainables.threats.linf import Linf


def nothing(logits, _):
    return 0 * logits.sum(dim=1)


def coin(z):
    """Return the gradient of the loss of label 0 with margin z: sigmoid(z)."""
    return torch.tensor(z).sigmoid()


MODEL, Y = Halfspace(torch.tensor([1.0])), torch.tensor([0])


def test_the_gradient_is_that_of_each_examples_loss():
    x = torch.tensor([[0.0], [2.0], [2.0]])
    expected = torch.stack([coin(0.0), coin(2.0), coin(2.0)])[:, None]
    torch.testing.assert_close(input_gradient(MODEL, x, torch.zeros(3).long()), expected)


@pytest.mark.parametrize(("power", "exponent"), [("norm", 1), ("squared", 2)])
def test_cure_prices_the_turn_over_a_step_up_the_sign(power, exponent):
    """At margin 1 the gradient rises, so the step of 0.5 goes to 1.5."""
    x = torch.tensor([[1.0]])
    loss = cure.outer(MODEL, x, x, Y, criterion=nothing, weight=3.0, h=0.5, power=power)
    torch.testing.assert_close(loss, 3 * (coin(1.5) - coin(1.0)) ** exponent, rtol=1e-5, atol=1e-6)


def test_fgsm_cure_prices_the_squared_turn_to_the_attacked_image():
    x, x_adv = torch.tensor([[1.0]]), torch.tensor([[1.3]])
    loss = fgsm_cure.outer(MODEL, x, x_adv, Y, criterion=nothing, weight=7.0)
    torch.testing.assert_close(loss, 7 * (coin(1.3) - coin(1.0)) ** 2)


def test_llr_prices_the_gap_and_the_predicted_change():
    """softplus(1.4) - softplus(1) is sigmoid(1) * 0.4 and a little more: the gap."""
    x, x_adv = torch.tensor([[1.0]]), torch.tensor([[1.4]])
    predicted = 0.4 * coin(1.0)
    soft = nn.functional.softplus(torch.tensor([1.4, 1.0]))
    gap = soft[0] - soft[1] - predicted
    loss = llr.outer(
        MODEL, x, x_adv, Y, criterion=cross_entropy.loss, gamma_weight=2.0, slope_weight=0.5
    )
    torch.testing.assert_close(loss, soft[1] + 2 * gap + 0.5 * predicted)
    value, _ = llr.inner(MODEL, x, Y)(x_adv)
    torch.testing.assert_close(value, gap[None])


def test_llr_is_nothing_on_a_linear_loss():
    zero = torch.zeros(1)
    grad, delta = torch.tensor([[2.0]]), torch.tensor([[0.3]])
    torch.testing.assert_close(
        llr.linearity_gap(torch.tensor([1.6]), torch.tensor([1.0]), grad, delta), zero
    )


def test_the_adam_search_finds_the_end_of_the_ball_where_the_gap_is_largest():
    """softplus is more curved towards 0, so from margin 1 the gap is largest at 1 - eps."""
    x = torch.full((4, 1), 0.5)
    model = Halfspace(torch.tensor([4.0]), bias=-1.0)
    y = torch.zeros(4).long()
    rng = torch.Generator().manual_seed(0)
    x_adv = adam.perturb(llr.inner(model, x, y), x, y, threat=Linf(eps=0.3), rng=rng, steps=30)
    ends = {round(value, 3) for value in x_adv.flatten().tolist()}
    assert ends <= {0.2, 0.8}


@pytest.mark.parametrize("method", [cure, llr])
def test_batch_statistics_are_touched_by_the_clean_pass_alone(method):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Softplus(), nn.Linear(8, 2))
    x, y = torch.rand(6, 4), torch.zeros(6).long()
    method.outer(model, x, x + 0.1, y, criterion=cross_entropy.loss)
    assert model[1].num_batches_tracked == 1
    assert model.training


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "softplus", None])
def test_llr_warns_of_activations_without_a_second_derivative(name):
    found = [text.partition(":")[0] for text in llr.warnings({"model": {"activation": name}})]
    assert found == ["model.activation"] * ("relu" in str(name))
