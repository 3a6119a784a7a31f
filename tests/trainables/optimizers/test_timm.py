"""Lion and LAMB by hand."""

import importlib.util

import pytest
import torch
from torch.nn import Parameter

from trainables.optimizers import lamb, lion


def positions(optimizer, parameter, gradients):
    found = []
    for gradient in gradients:
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        found.append(parameter.detach().tolist())
    return found


def test_lion_steps_by_the_sign():
    """Directions 0.1 g = (0.2, -0.1); then 0.9 m + 0.1 g with m = 0.01 g: (-0.382, 0.051).

    Each step first shrinks the weight by lr * weight_decay = 1 %.
    """
    parameter = Parameter(torch.tensor([1.0, -2.0]))
    optimizer = lion.build([parameter], lr=0.1, weight_decay=0.1)
    one, two = positions(optimizer, parameter, [[2.0, -1.0], [-4.0, 0.6]])
    assert one == pytest.approx([0.99 - 0.1, -1.98 + 0.1])
    assert two == pytest.approx([0.99 * 0.89 + 0.1, 0.99 * -1.88 - 0.1])


def test_lamb_scales_its_step_to_the_weights():
    """The first direction of Adam is (1, -1), with decay (1.3, -0.6): |w| = 5, |d|^2 = 2.05."""
    parameter = Parameter(torch.tensor([3.0, 4.0]))
    optimizer = lamb.build([parameter], lr=0.1, weight_decay=0.1, max_grad_norm=None)
    (moved,) = positions(optimizer, parameter, [[0.5, -0.25]])
    ratio = 5 / 2.05**0.5
    # timm adds 1e-6 to the root of the average squared gradient
    expected = [3 - 0.1 * ratio * 1.3, 4 + 0.1 * ratio * 0.6]
    assert moved == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("member", [lion, lamb])
def test_without_timm_they_say_what_to_install(member, monkeypatch):
    assert list(member.conflicts({})) == []
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("trainables.optimizers._timm.find_spec", lambda name: None)
    (problem,) = member.conflicts({})
    assert "uv sync --extra timm" in problem
