"""The contract of updates: `update`."""

from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor, nn

from trainables.attacks import pgd
from trainables.binding import calls_attack, gradient_steps
from trainables.bound_components import BoundMember
from trainables.injection import inject, unwrapped
from trainables.methods import pgd_at
from trainables.protocols import BoundAttack, BoundMethod
from trainables.step_context import attack_under
from tuner.contracts.samples import build_context

FEATURES, CLASSES = 3, 2


def build_network() -> nn.Sequential:
    """Return a network for examples (N, 3)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(FEATURES, FEATURES), nn.Linear(FEATURES, CLASSES))


def run_steps(
    member: BoundMember, model: nn.Module, lr: float, *, steps: int = 1, device: str = "cpu"
) -> list[Tensor]:
    """Return the losses of some steps, each on one image less."""
    context = build_context(CLASSES)
    if device != "cpu":
        context.rng = None  # type: ignore[assignment]  # no generator without numbers
    context.method = BoundMethod(inner=pgd_at.inner, outer=inject(pgd_at.outer, context))
    context.attack = BoundAttack(perturb=inject(pgd.perturb, context))
    context.attack_under = partial(attack_under, BoundAttack(perturb=partial(pgd.perturb)), context)
    context.full_threat = context.threat
    step = inject(member["update"], context)
    rng = torch.Generator().manual_seed(0)
    x, y = torch.rand(8, FEATURES, generator=rng).to(device), (torch.arange(8) % 2).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    return [step(model, optimizer, x[: 8 - i], y[: 8 - i]) for i in range(steps)]


def check_without_learning(member: BoundMember) -> Iterator[str]:
    """Yield whether weights change with a learning rate of 0."""
    model, before = build_network(), build_network().state_dict()
    run_steps(member, model, lr=0.0)
    if any(not torch.equal(value, before[name]) for name, value in model.state_dict().items()):
        yield "update: changes the weights with a learning rate of 0; undo perturbations of weights"


def check_step(member: BoundMember) -> Iterator[str]:
    """Yield whether no weight moves, or the network is left in another state."""
    model, before = build_network(), build_network().state_dict()
    losses = run_steps(member, model, lr=0.1, steps=3)
    if all(torch.equal(value, before[name]) for name, value in model.state_dict().items()):
        yield "update: changes no weight; call optimizer.step()"
    if not all(p.requires_grad for p in model.parameters()):
        yield "update: leaves weights that cannot be trained (requires_grad=False)"
    if not model.training:
        yield "update: leaves the network in eval mode"
    for loss in losses:
        if loss.shape != () or loss.requires_grad or not loss.isfinite():
            yield "update: must return a detached, finite scalar, also for a smaller last batch"
            return


def check_gradient_steps(member: BoundMember) -> Iterator[str]:
    """Yield whether a built-in attack takes other gradient steps than it declares.

    Each takes a pass through all layers; steps through the first alone do not count.
    """
    declared = gradient_steps(member)
    if calls_attack(unwrapped(member["update"])):
        if declared is not None:
            yield "GRADIENT_STEPS: is that of the attack, which it calls; remove it"
        return
    model, passes = build_network(), list[int]()
    model[1].register_forward_hook(lambda *_: passes.append(1))
    run_steps(member, model, lr=0.1)
    if declared != len(passes):
        number = len(passes)
        yield f"GRADIENT_STEPS: must be {number}, its passes through the network, got {declared}"


def check_device(member: BoundMember) -> Iterator[str]:
    """Yield whether the loss is on another device than the images."""
    (loss,) = run_steps(member, build_network().to("meta"), lr=0.1, device="meta")
    if loss.device.type != "meta":
        yield f"update: must return a loss on the device of the images, got {loss.device}"


CHECKS = (check_without_learning, check_step, check_gradient_steps, check_device)
