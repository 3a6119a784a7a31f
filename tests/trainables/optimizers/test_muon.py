"""Muon beside a decomposition into singular values, and AdamW for what is no matrix."""

import copy

import pytest
import torch
from torch import nn

from tests.oracles import tiny_config
from trainables.optimizers import muon
from trainables.training import checkpoint
from trainables.training.trial import Trial


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 5)
    )


def train(model, optimizer, steps=2):
    x = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    for _ in range(steps):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    return model


def test_a_step_follows_the_singular_vectors_of_the_gradient():
    """0.2 sqrt(27) lr U V'. Newton-Schulz takes singular values to 0.7 to 1.2, in bf16."""
    model = network()
    optimizer = muon.build(model.parameters(), lr=0.1, weight_decay=0.0)
    before = model[0].weight.detach().clone()
    train(model, optimizer, steps=1)
    u, _, v = torch.linalg.svd(model[0].weight.grad.flatten(1), full_matrices=False)
    moved = (before - model[0].weight.detach()).flatten(1) / (0.1 * 0.2 * 27**0.5)
    shares = u.T @ moved @ v.T
    assert ((shares.diag() > 0.65) & (shares.diag() < 1.25)).all()
    assert (shares - shares.diag().diag()).abs().max() < 0.03  # bf16 rounds at 1/256, five times


def test_convolutions_move_as_torch_moves_their_matrix_and_the_rest_as_by_adamw():
    """Two steps with decay; the last layer is AdamW's, though it is a matrix."""
    model, other = network(), network()
    train(model, muon.build(model.parameters(), lr=0.01))
    flat = nn.Parameter(other[0].weight.detach().flatten(1))
    one = torch.optim.Muon([flat], lr=0.01, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    rest = [p for name, p in other.named_parameters() if name != "0.weight"]
    two = torch.optim.AdamW(rest, lr=0.01, weight_decay=0.1)
    x = torch.rand(6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    for _ in range(2):
        other.zero_grad()
        other(x).square().mean().backward()
        flat.grad = other[0].weight.grad.flatten(1)
        one.step()
        two.step()
        other[0].weight.data.copy_(flat.detach().view(4, 3, 3, 3))
    for own, expected in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-5, atol=1e-6)  # fused or not


def test_a_network_in_channels_last_trains_alike():
    plain, last = network(), network().to(memory_format=torch.channels_last)
    for model in (plain, last):
        train(model, muon.build(model.parameters(), lr=0.01))
    for own, expected in zip(last.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-5)  # order of sums


def test_groups_keep_their_settings():
    model = network()
    named = list(model.named_parameters())
    groups = [
        {"params": [p for _, p in part], "lr_factor": f}
        for part, f in ((named[:3], 0.5), (named[3:], 1.0))
    ]
    optimizer = muon.build(groups)
    found = [(len(group["params"]), group["lr_factor"]) for group in optimizer.param_groups]
    assert found == [(1, 0.5), (2, 0.5), (2, 1.0)]


def test_a_copy_with_the_saved_state_takes_the_same_steps():
    model = network()
    optimizer = muon.build(model.parameters(), lr=0.01)
    train(model, optimizer)
    other = copy.deepcopy(model)
    restored = muon.build(other.parameters(), lr=0.01)
    restored.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    train(model, optimizer)
    train(other, restored)
    for own, expected in zip(other.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(own, expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", ["muon", "lion", "lamb"])
def test_a_resumed_trial_is_the_same(name, tmp_path):
    config = tiny_config(optimizer={"name": name, "lr": 1e-3}, data__limit=50, epochs=3)
    straight, first, second = (Trial(config) for _ in range(3))
    list(straight.run_epochs())
    first.run_epoch()
    checkpoint.save(first, tmp_path)
    checkpoint.restore(second, tmp_path)
    list(second.run_epochs())
    for key, tensor in second.model.state_dict().items():
        torch.testing.assert_close(tensor, straight.model.state_dict()[key], rtol=0, atol=0)
