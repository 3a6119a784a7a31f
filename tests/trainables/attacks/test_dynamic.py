"""The convergence criterion against numbers worked out by hand."""

import pytest
import torch

from tests.oracles import Halfspace
from trainables.attacks import dynamic, pgd
from trainables.attacks.dynamic import compute_fosc
from trainables.methods import pgd_at
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf


def test_fosc_by_hand():
    """Gradient (3, -4), perturbation (0.1, 0): 0.5 * 7 - 0.3 in linf, 0.5 * 5 - 0.3 in l2."""
    grad, delta = torch.tensor([[3.0, -4.0]]), torch.tensor([[0.1, 0.0]])
    torch.testing.assert_close(compute_fosc(delta, grad, Linf(eps=0.5)), torch.tensor([3.2]))
    torch.testing.assert_close(compute_fosc(delta, grad, L2(eps=0.5)), torch.tensor([2.2]))


def test_fosc_vanishes_where_nothing_is_left_to_gain():
    grad = torch.tensor([[3.0, -4.0]])
    converged = torch.tensor([[0.5, -0.5]])
    torch.testing.assert_close(compute_fosc(converged, grad, Linf(eps=0.5)), torch.tensor([0.0]))


class Sum(torch.nn.Module):
    """An objective of constant gradient 1: at x + d, FOSC is eps - d."""

    def forward(self, x):
        return x.sum(dim=1), x


@pytest.mark.parametrize(
    ("settings", "moved"),
    [
        ({"fosc": 0.05}, 0.06),  # 0.1 - 0.04 is above the threshold, 0.1 - 0.06 is not
        ({"fosc": 0.05, "progress": 0.4, "vanishes": 0.8}, 0.08),  # half of it is left: 0.025
        ({"fosc": 0.05, "progress": 0.9, "vanishes": 0.8}, 0.1),
        ({"fosc": 1.0}, 0.02),  # the first step is always taken
        ({"fosc": 1.0, "first_step": False}, 0.0),
    ],
)
def test_it_stops_at_the_current_threshold(settings, moved):
    x = torch.tensor([[0.5]])
    x_adv = dynamic.perturb(
        Sum(),
        x,
        torch.tensor([0]),
        threat=Linf(eps=0.1),
        step_size=0.02,
        start="zero",
        **settings,
    )
    torch.testing.assert_close(x_adv, x + moved)


def test_what_is_at_the_threshold_does_not_move():
    """FOSC is 0.25, exactly, at the image itself."""
    x, y = torch.tensor([[0.5]]), torch.tensor([0])
    settings = {"threat": Linf(eps=0.25), "step_size": 0.02, "start": "zero"}
    assert torch.equal(dynamic.perturb(Sum(), x, y, fosc=0.25, first_step=False, **settings), x)


def test_without_a_threshold_it_is_pgd():
    torch.manual_seed(0)
    model, x, y = Halfspace(torch.randn(6)), torch.rand(9, 6), torch.randint(0, 2, (9,))
    one, other = (
        attack(
            pgd_at.inner(model, x, y),
            x,
            y,
            threat=Linf(eps=0.3),
            rng=torch.Generator().manual_seed(0),
            steps=5,
            step_size=0.1,
            **more,
        )
        for attack, more in ((dynamic.perturb, {"fosc": 0.0}), (pgd.perturb, {}))
    )
    torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_fosc_is_measured_from_the_image_or_from_the_start():
    """At the start d, FOSC is 0.1 - d from the image, and 0.1 from the start itself."""
    x, y = torch.tensor([[0.5]]), torch.tensor([0])

    def perturb(origin, fosc=0.095):
        return dynamic.perturb(
            Sum(),
            x,
            y,
            threat=Linf(eps=0.1),
            rng=torch.Generator().manual_seed(1),
            step_size=0.02,
            start="step",
            fosc=fosc,
            origin=origin,
            first_step=False,
        )

    start = perturb("image", fosc=1.0)
    assert 0.005 < start - x < 0.02
    torch.testing.assert_close(perturb("image"), start)
    torch.testing.assert_close(perturb("start"), start + 0.02)


@pytest.mark.parametrize("project_start", [True, False])
def test_the_start_is_projected_or_not(project_start):
    """Half of the noise leaves [0, 1]; nothing moves below this threshold."""
    x, y = torch.ones(1, 100), torch.tensor([0])
    settings = {"threat": Linf(eps=0.1), "start": "gaussian", "fosc": 99.0, "first_step": False}
    x_adv = dynamic.perturb(Sum(), x, y, project_start=project_start, **settings)
    assert (x_adv.max() > 1) != project_start
