"""Friendly PGD against a halfspace, whose boundary is known."""

import pytest
import torch

from tests.oracles import Halfspace
from trainables.attacks import friendly, pgd
from trainables.methods import pgd_at
from trainables.threats.linf import Linf

MODEL, X, Y = Halfspace(torch.ones(1), bias=-0.48), torch.tensor([[0.5]]), torch.tensor([1])
STEPS = {"threat": Linf(eps=0.1), "step_size": 0.01, "start": "zero"}


@pytest.mark.parametrize(
    ("settings", "margin"),
    [
        ({"tolerance": 0}, -0.01),
        ({"tolerance": 2}, -0.03),
        ({"grows": (0.4, 0.7), "progress": 0.3}, -0.01),
        ({"grows": (0.4, 0.7), "progress": 0.5}, -0.02),
        ({"grows": (0.4, 0.7), "progress": 0.7}, -0.03),
    ],
)
def test_it_stops_that_many_steps_after_it_crossed_the_boundary(settings, margin):
    """Margin 0.02 and steps of 0.01: the third point is across, at -0.01."""
    x_adv = friendly.perturb(pgd_at.inner(MODEL, X, Y), X, Y, **STEPS, **settings)
    torch.testing.assert_close(MODEL.margin(x_adv), torch.tensor([margin]), rtol=0, atol=1e-6)


def test_what_is_misclassified_from_the_start_stays_where_it_is():
    wrong = torch.tensor([0])
    x_adv = friendly.perturb(pgd_at.inner(MODEL, X, wrong), X, wrong, **STEPS)
    torch.testing.assert_close(x_adv, X, rtol=0, atol=0)


def test_a_tolerance_of_all_steps_is_pgd():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    x, y = torch.rand(9, 6), torch.randint(0, 3, (9,))
    settings = {"threat": Linf(eps=0.3), "steps": 5, "step_size": 0.1}
    one, other = (
        attack(
            pgd_at.inner(model, x, y),
            x,
            y,
            rng=torch.Generator().manual_seed(0),
            **settings,
            **more,
        )
        for attack, more in ((friendly.perturb, {"tolerance": 5}), (pgd.perturb, {}))
    )
    assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("data", "knobs"),
    [
        ({}, ["data.mixup", "data.cutmix"]),
        ({"mixup": 0.2, "cutmix": 0}, ["data.mixup"]),
        ({"mixup": 0, "cutmix": 0}, []),
    ],
)
def test_mixed_labels_are_refused(data, knobs):
    """Without a value it is searched."""
    found = [text.partition(":")[0] for text in friendly.conflicts({"data": data})]
    assert found == knobs
