"""AWP by hand, and where it must change nothing."""

import torch
from torch import nn

from trainables.protocols import BoundMethod
from trainables.updates import alternate, awp


def parts(outer):
    method = BoundMethod(inner=lambda *_: None, outer=outer)
    return {"method": method, "attack": None}


def test_the_step_uses_the_gradient_at_weights_perturbed_by_gamma():
    """Loss w^2 at w = 2: moved up by a tenth of its norm to 2.2, gradient 4.4, step of 0.1."""
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(2.0)

    def outer(model, x, x_adv, y):
        return model.weight.square().sum()

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    x, y = torch.zeros(1, 1), torch.zeros(1).long()
    loss = awp.update(model, optimizer, x, y, **parts(outer), gamma=0.1)
    torch.testing.assert_close(loss, torch.tensor(4.84))
    torch.testing.assert_close(model.weight.item(), 2 - 0.44, rtol=1e-6, atol=0)


def trained(update, **settings):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def outer(model, x, x_adv, y):
        return nn.functional.cross_entropy(model(x_adv), y)

    x, y = torch.rand(6, 4), torch.randint(0, 3, (6,))
    update(model, optimizer, x, y, **parts(outer), **settings)
    return model.state_dict()


def test_without_gamma_or_before_it_begins_it_is_the_plain_update():
    plain = trained(alternate.update)
    for settings in ({"gamma": 0.0}, {"gamma": 0.1, "begins": 0.5, "progress": 0.4}):
        torch.testing.assert_close(trained(awp.update, **settings), plain, rtol=0, atol=0)
    later = trained(awp.update, gamma=0.1, begins=0.5, progress=0.5)
    assert not torch.equal(later["0.weight"], plain["0.weight"])


def test_vectors_are_not_moved_and_an_error_puts_the_matrices_back():
    weight = nn.Parameter(torch.ones(2, 2))
    try:
        with awp.perturbed_weights([weight], (torch.ones(2, 2),), 0.5):
            assert not torch.equal(weight, torch.ones(2, 2))
            raise KeyError
    except KeyError:
        assert torch.equal(weight, torch.ones(2, 2))
