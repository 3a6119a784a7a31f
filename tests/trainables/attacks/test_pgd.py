"""PGD against the worst point of a linear model, which is known."""

import pytest
import torch

from tests.oracles import Halfspace
from trainables.attacks import pgd
from trainables.methods import pgd_at
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf


@pytest.mark.parametrize(("norm", "threat"), [("linf", Linf), ("l2", L2)])
def test_it_reaches_the_worst_point_of_a_halfspace(norm, threat):
    torch.manual_seed(0)
    model, x, y = Halfspace(torch.randn(12)), torch.full((5, 12), 0.5), torch.ones(5).long()
    objective = pgd_at.inner(model, x, y)
    x_adv = pgd.perturb(objective, x, y, threat=threat(eps=0.1), steps=40, step_size=0.02)
    torch.testing.assert_close(
        model.margin(x_adv), model.worst_margin(x, 0.1, norm), rtol=0, atol=1e-3
    )  # the l2 path still turns a little at its 40th step; linf is exact


def test_each_step_is_as_long_as_asked():
    """From the image itself, three steps of 0.01 against a weight of 1 end at -0.03."""
    model, x, y = Halfspace(torch.ones(1)), torch.tensor([[0.5]]), torch.tensor([1])
    x_adv = pgd.perturb(
        pgd_at.inner(model, x, y),
        x,
        y,
        threat=Linf(eps=0.3),
        steps=3,
        step_size=0.01,
        start="zero",
    )
    torch.testing.assert_close(x_adv, torch.tensor([[0.47]]))


@pytest.mark.parametrize(
    ("start", "reach"), [("zero", 0.0), ("random", 0.3), ("gaussian", 0.006), ("step", 0.01)]
)
def test_it_starts_where_it_is_told_to(start, reach):
    """On a flat objective no step moves; six standard deviations of 0.001 are 0.006."""
    x, y = torch.full((50, 40), 0.5), torch.zeros(50).long()

    def flat(x_adv):
        return 0 * x_adv.sum(dim=1), torch.eye(50)

    rng = torch.Generator().manual_seed(0)
    x_adv = pgd.perturb(flat, x, y, threat=Linf(eps=0.3), rng=rng, step_size=0.01, start=start)
    again = torch.Generator().manual_seed(0)
    same = pgd.perturb(flat, x, y, threat=Linf(eps=0.3), rng=again, step_size=0.01, start=start)
    assert torch.equal(x_adv, same)
    furthest = (x_adv - x).abs().max().item()
    assert 0.5 * reach <= furthest <= reach + 1e-6  # float32 rounding of x + eps


def test_a_step_follows_the_pace_of_a_shrunk_ball():
    model, x, y = Halfspace(torch.ones(1)), torch.tensor([[0.5]]), torch.tensor([1])
    objective, half = pgd_at.inner(model, x, y), Linf(eps=0.3, step_scale=0.5)
    x_adv = pgd.perturb(objective, x, y, threat=half, steps=1, step_size=0.1, start="zero")
    torch.testing.assert_close(x_adv, torch.tensor([[0.45]]))


def test_a_step_is_a_quarter_of_eps_by_default():
    model, x, y = Halfspace(torch.ones(1)), torch.tensor([[0.5]]), torch.tensor([1])
    objective = pgd_at.inner(model, x, y)
    x_adv = pgd.perturb(objective, x, y, threat=Linf(eps=0.2), steps=1, start="zero")
    torch.testing.assert_close(x_adv, torch.tensor([[0.45]]))


def test_restarts_keep_the_worst_for_each_example():
    """With no step to take, a restart is a draw, and each example must keep its largest."""

    def objective(x_adv):
        value = x_adv.flatten(1).sum(dim=1)
        return value, torch.stack([value, value], dim=1)

    x, threat = torch.full((4, 3), 0.5), Linf(eps=0.2)
    tiny = {"threat": threat, "steps": 1, "step_size": 1e-9}
    rng = torch.Generator().manual_seed(0)
    draws = [pgd.perturb(objective, x, x, rng=rng, **tiny) for _ in range(5)]
    best = torch.stack([objective(draw)[0] for draw in draws]).amax(dim=0)
    rng = torch.Generator().manual_seed(0)
    kept = pgd.perturb(objective, x, x, rng=rng, restarts=5, **tiny)
    torch.testing.assert_close(objective(kept)[0], best)


def test_the_comparison_of_two_restarts_keeps_no_graph():
    asked = []

    def objective(x_adv):
        asked.append(torch.is_grad_enabled())
        return x_adv.sum(dim=1), x_adv

    x = torch.rand(2, 3)
    pgd.perturb(objective, x, x, threat=Linf(eps=0.2), steps=1, restarts=2)
    assert asked == [True, True, False, False]


def test_of_two_restarts_that_are_as_good_the_first_is_kept():
    x, threat = torch.full((4, 3), 0.5), Linf(eps=0.2)

    def flat(x_adv):
        return 0 * x_adv.sum(dim=1), x_adv

    first, kept = (
        pgd.perturb(
            flat, x, x, threat=threat, rng=torch.Generator().manual_seed(0), steps=1, restarts=n
        )
        for n in (1, 3)
    )
    assert torch.equal(first, kept)
