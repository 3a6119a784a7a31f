"""What every update must do."""

import pytest
import torch
from torch import nn

from trainables.attacks import pgd
from trainables.criteria import cross_entropy
from trainables.hparams.knobs import read_knobs
from trainables.hparams.registry import list_members, load_member
from trainables.injection import inject, injected_names
from trainables.methods import pgd_at
from trainables.protocols import BoundAttack, BoundMethod
from trainables.step_context import StepContext
from trainables.threats.linf import Linf

UPDATES = [load_member("trainables.updates", name) for name in list_members("trainables.updates")]
each_update = pytest.mark.parametrize("update", UPDATES, ids=lambda u: u.__name__.split(".")[-1])


def run(update, model, lr, batches=1, device="cpu"):
    threat = Linf(eps=0.1)
    rng = torch.Generator().manual_seed(0) if device == "cpu" else None
    context = StepContext(threat=threat, rng=rng, memory={}, classes=2)
    context.criterion = cross_entropy.loss
    context.method = BoundMethod(inner=pgd_at.inner, outer=inject(pgd_at.outer, context))
    context.attack = BoundAttack(perturb=inject(pgd.perturb, context))
    step = inject(update.update, context)
    x, y = torch.rand(8, 3, device=device), torch.randint(0, 2, (8,), device=device)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return [step(model, optimizer, x[: 8 - i], y[: 8 - i]) for i in range(batches)]


@each_update
def test_with_a_learning_rate_of_zero_no_weight_changes(update):
    model = nn.Linear(3, 2)
    before = model.weight.detach().clone()
    run(update, model, lr=0.0)
    torch.testing.assert_close(model.weight.detach(), before, rtol=0, atol=0)


@each_update
def test_weights_move_and_can_still_be_trained(update):
    model = nn.Linear(3, 2)
    before = model.weight.detach().clone()
    run(update, model, lr=0.1)
    assert not torch.equal(model.weight, before)
    assert all(p.requires_grad for p in model.parameters())
    assert model.training


@each_update
def test_a_last_batch_may_be_shorter_and_the_loss_comes_back_detached(update):
    for loss in run(update, nn.Linear(3, 2), lr=0.1, batches=3):
        assert loss.shape == ()
        assert not loss.requires_grad


@each_update
def test_an_update_with_a_built_in_attack_declares_its_gradient_steps(update):
    """Each takes a pass through all layers; steps through the first alone do not count."""
    if "attack" in injected_names(update.update):
        assert not hasattr(update, "GRADIENT_STEPS")
        return
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2))
    passes = []
    model[1].register_forward_hook(lambda *_: passes.append(1))
    run(update, model, lr=0.1)
    declared = update.GRADIENT_STEPS
    number = read_knobs(update.update)[declared].default if isinstance(declared, str) else declared
    assert len(passes) == number


@each_update
def test_its_loss_lies_where_the_images_lie(update):
    """On torch's device without numbers, which mixes with no other."""
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2)).to("meta")
    (loss,) = run(update, model, lr=0.1, device="meta")
    assert loss.device.type == "meta"
