"""What every training attack must do."""

import inspect

import pytest
import torch

from tests.oracles import Halfspace
from trainables.hparams.knobs import read_knobs
from trainables.hparams.registry import list_members, load_member
from trainables.methods import pgd_at
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf

ATTACKS = [load_member("trainables.attacks", name) for name in list_members("trainables.attacks")]
each_attack = pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.__name__.split(".")[-1])
each_threat = pytest.mark.parametrize("threat", [Linf, L2])


@pytest.fixture
def model() -> Halfspace:
    torch.manual_seed(0)
    return Halfspace(torch.randn(12))


def cross_entropy(model, y):
    return pgd_at.inner(model, None, y)


@each_attack
@each_threat
@pytest.mark.parametrize("eps", [0.0, 8 / 255, 0.6])
def test_result_is_allowed_and_detached(attack, threat, eps, model):
    x, y = torch.rand(7, 3, 2, 2).round(decimals=1), torch.randint(0, 2, (7,))
    x_adv = attack.perturb(cross_entropy(model, y), x, y, threat=threat(eps=eps))
    moved = (x_adv - x).flatten(1)
    size = moved.abs().amax(dim=1) if threat is Linf else moved.norm(dim=1)
    assert not x_adv.requires_grad
    if not getattr(attack, "LEAVES_THE_BALL", False):
        assert (size <= eps + 1e-6).all()  # float32 rounding of x + eps
    assert x_adv.min() >= 0
    assert x_adv.max() <= 1


@each_attack
@each_threat
def test_the_seed_decides_the_start(attack, threat):
    """On a flat objective no step moves, so that the result is the start."""
    if "rng" not in inspect.signature(attack.perturb).parameters:
        pytest.skip("draws no random numbers")
    x = torch.full((3, 12), 0.5)
    first, again, other = (
        attack.perturb(
            lambda z: (0 * z.sum(dim=1), torch.eye(3)),
            x,
            torch.zeros(3).long(),
            threat=threat(eps=0.1),
            rng=torch.Generator().manual_seed(seed),
        )
        for seed in (5, 5, 6)
    )
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert not torch.equal(first, other)


@each_attack
def test_parameters_collect_no_gradient(attack, model):
    x, y = torch.rand(3, 12), torch.ones(3).long()
    attack.perturb(cross_entropy(model, y), x, y, threat=Linf(eps=0.1))
    assert all(p.grad is None for p in model.parameters())


@each_attack
def test_it_takes_as_many_gradient_steps_as_it_declares(attack):
    """The gradient is never zero and no step causes a misclassification."""
    asked = []

    def objective(z):
        asked.append(torch.is_grad_enabled())
        return z.sum(dim=1), torch.eye(2)[[1, 1, 1]] + 0 * z[:, :2]

    declared = attack.GRADIENT_STEPS
    number = read_knobs(attack.perturb)[declared].default if isinstance(declared, str) else declared
    attack.perturb(objective, torch.full((3, 12), 0.5), torch.ones(3).long(), threat=Linf(eps=0.1))
    assert asked == [True] * number


@each_attack
@each_threat
def test_its_points_lie_where_the_images_lie(attack, threat):
    """On torch's device without numbers, which mixes with no other."""
    x, y = torch.zeros(3, 2, 2, 3, device="meta"), torch.zeros(3, device="meta").long()

    def objective(z):
        assert z.device == x.device
        return z.flatten(1).sum(dim=1), z.flatten(1)[:, :2]

    more = [{"start": start} for start in ("zero", "gaussian", "step", "random")]
    knobs = read_knobs(attack.perturb)
    for knob in more if "start" in knobs else [{}]:
        noise = {"omega": 0.1} if "omega" in knobs else {}
        x_adv = attack.perturb(objective, x, y, threat=threat(eps=0.1), **knob, **noise)
        assert x_adv.device == x.device
