"""YOPO by hand, on one weight and then on two layers."""

import torch
from torch import nn

from trainables.methods import pgd_at
from trainables.protocols import BoundMethod
from trainables.threats.linf import Linf
from trainables.updates import yopo


def squared(model, x, x_adv, y):
    """Return half the square of the output for the adversarial images."""
    return model(x_adv).square().mean() / 2


def method_of(outer):
    return BoundMethod(inner=pgd_at.inner, outer=outer)


def chain(*weights):
    layers = [nn.Linear(1, 1, bias=False) for _ in weights]
    for layer, weight in zip(layers, weights, strict=True):
        layer.weight.data.fill_(weight)
    return nn.Sequential(*layers)


class Here(Linf):
    """A ball whose random point is its centre, so that numbers can be worked out."""

    def random_point(self, x, rng):
        return x.clone()


def gradients(model, x, **settings):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    loss = yopo.update(
        model,
        optimizer,
        torch.tensor([[x]]),
        torch.tensor([0]),
        method=method_of(squared),
        threat=Here(eps=0.1),
        **settings,
    )
    return loss.item(), [layer.weight.grad.item() for layer in model]


def test_one_pass_and_one_step_by_hand():
    """Weights 2 and 3 at 0.5: output 3, loss 4.5, gradient at the first output 9.

    The second layer learns at the old point, 3 * (2 * 0.5) = 3; one step of 0.05 leads to 0.55,
    where the first learns with the old gradient, 9 * 0.55.
    """
    loss, (first, second) = gradients(chain(2.0, 3.0), 0.5, passes=1, steps=1, step_size=0.05)
    assert abs(loss - 4.5) < 1e-6
    assert abs(second - 3.0) < 1e-6
    assert abs(first - 9 * 0.55) < 1e-6  # float32


def test_a_second_pass_starts_where_the_first_ended_and_gradients_add_up():
    """The second pass is at 0.55: output 3.3, gradient 9.9, second layer 3.3 * 1.1; then 0.6."""
    _, (first, second) = gradients(chain(2.0, 3.0), 0.5, passes=2, steps=1, step_size=0.05)
    assert abs(second - (3.0 + 3.3 * 1.1)) < 1e-5
    assert abs(first - (9 * 0.55 + 9.9 * 0.6)) < 1e-5


def test_the_images_stay_in_the_ball():
    """Five steps of 0.05 from 0.5 end at 0.6, the edge of the ball."""
    _, (first, _) = gradients(chain(2.0, 3.0), 0.5, passes=1, steps=5, step_size=0.05)
    assert abs(first - 9 * 0.6) < 1e-5


def test_layers_behind_the_first_are_not_run_for_its_steps():
    model, runs = chain(2.0, 3.0), []
    model[1].register_forward_hook(lambda *_: runs.append(1))
    gradients(model, 0.5, passes=2, steps=3)
    assert len(runs) == 2


def test_a_method_that_attacks_nothing_trains_all_the_same():
    model = chain(2.0, 3.0)
    clean = method_of(lambda model, x, x_adv, y: model(x).square().mean())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.tensor([[0.5]]), torch.tensor([0])
    yopo.update(model, optimizer, x, y, method=clean, threat=Linf(eps=0.1))
    assert model[1].weight.item() < 3
