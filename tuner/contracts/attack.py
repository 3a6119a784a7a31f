"""The contract of training attacks: `perturb`."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from trainables.binding import gradient_steps
from trainables.bound_components import BoundMember
from trainables.criteria import cross_entropy
from trainables.injection import inject, injected_names, unwrapped
from trainables.methods import pgd_at
from trainables.protocols import AttackObjective
from trainables.threat import Threat
from trainables.threats.l1 import L1
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf
from tuner.contracts.samples import CLASSES, EPS, build_context, build_network, sample_batch

THREATS = (Linf, L2, L1)
RADII = (0.0, 8 / 255, 0.6)
ROUNDING = 5e-6
"""Of x + eps in float32: up to 6e-8 for each of the 72 values of an image, which l1 adds up."""


def perturb(
    member: BoundMember,
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    seed: int = 0,
) -> Tensor:
    """Return the images of an attack on a batch of all training images."""
    network = build_linear_network(x)
    context = build_context(threat=threat, seed=seed, network=network, n_images=len(x))
    x_adv: Tensor = inject(member["perturb"], context)(objective, x, y)
    return x_adv


def build_linear_network(x: Tensor) -> nn.Sequential:
    """Return a network for examples shaped as `x`, on their device."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Flatten(), nn.Linear(x[0].numel(), CLASSES)).to(x.device)


def check_result(member: BoundMember) -> Iterator[str]:
    """Yield where attacked images have another shape, leave the ball or pixels, or a graph."""
    model, (x, _, y) = build_network().eval(), sample_batch(7)
    x = x.round(decimals=1)  # some pixels are 0 or 1
    for threat in (kind(eps=eps) for kind in THREATS for eps in RADII):
        where = f"for {type(threat).__name__.lower()}, eps {threat.eps:.3g}"
        x_adv = perturb(member, pgd_at.inner(model, x, y), x.clone(), y, threat=threat)
        if x_adv.shape != x.shape:
            yield f"perturb: must return images {tuple(x.shape)}, got {tuple(x_adv.shape)} {where}"
            return
        if x_adv.requires_grad:
            yield "perturb: must return detached images"
        size = float(threat.norm(x_adv - x).max())
        if not size <= threat.eps + ROUNDING and not getattr(
            member.module, "LEAVES_THE_BALL", False
        ):
            yield (
                f"perturb: must stay in the ball, but moves an image by {size:.3g} {where}; "
                "project with threat.project"
            )
        low, high = float(x_adv.min()), float(x_adv.max())
        if not 0 <= low <= high <= 1:
            yield f"perturb: pixels must be in [0, 1], got {low:.3g} to {high:.3g} {where}"


def check_seed(member: BoundMember) -> Iterator[str]:
    """Yield whether the generator alone does not decide the random start.

    On a flat objective no step moves, so that the result is the start.
    """
    x = torch.full((3, 12), 0.5)

    def flat(z: Tensor) -> tuple[Tensor, Tensor]:
        return 0 * z.sum(dim=1), torch.eye(3)

    for kind in THREATS:
        first, again, other = (
            perturb(member, flat, x, torch.zeros(3).long(), threat=kind(eps=EPS), seed=seed)
            for seed in (5, 5, 6)
        )
        draws = "rng" in injected_names(unwrapped(member["perturb"]))
        if not torch.equal(first, again):
            yield "perturb: the same seed gives other images; draw from a parameter rng: Generator"
            return
        if draws and torch.equal(first, other):
            yield "perturb: takes rng, but another seed gives the same images"
            return


def check_parameters(member: BoundMember) -> Iterator[str]:
    """Yield whether the weights of the network collect gradients."""
    model, (x, _, y) = build_network().eval(), sample_batch(3)
    perturb(member, pgd_at.inner(model, x, y), x, y, threat=Linf(eps=EPS))
    if any(p.grad is not None for p in model.parameters()):
        yield "perturb: leaves gradients in the weights; use torch.autograd.grad, not backward"


def check_gradient_steps(member: BoundMember) -> Iterator[str]:
    """Yield whether the attack takes other gradient steps than it declares."""
    declared = gradient_steps(member)
    asked: list[bool] = []

    def objective(z: Tensor) -> tuple[Tensor, Tensor]:
        asked.append(torch.is_grad_enabled())
        return z.sum(dim=1), torch.eye(2)[[1, 1, 1]] + 0 * z[:, :2]  # all stay correct

    x = torch.full((3, 12), 0.5)
    perturb(member, objective, x, torch.ones(3).long(), threat=Linf(eps=EPS))
    if declared is None:
        yield (
            f"GRADIENT_STEPS: write the number of gradient steps ({sum(asked)} with these knobs), "
            "or the name of the knob that sets it"
        )
    elif sum(asked) != declared:
        yield (
            f"GRADIENT_STEPS: declares {declared} gradient steps, but the objective is evaluated "
            f"{len(asked)} times, {sum(asked)} of them with gradients"
        )


def check_device(member: BoundMember) -> Iterator[str]:
    """Yield whether tensors are made on another device than that of the images.

    On torch's device without numbers, which mixes with no other.
    """
    x, y = torch.zeros(3, 2, 2, 3, device="meta"), torch.zeros(3, device="meta").long()

    def objective(z: Tensor) -> tuple[Tensor, Tensor]:
        return z.flatten(1).sum(dim=1), z.flatten(1)[:, :CLASSES]

    function = unwrapped(member["perturb"])
    given = {
        "threat": Linf(eps=EPS),
        "memory": {},
        "progress": 0.0,
        "rng": None,
        "index": torch.arange(3, device="meta"),
        "n_images": 3,
        "network": build_linear_network(x),
        "criterion": cross_entropy.loss,
        "classes": CLASSES,
    }
    context = {name: given[name] for name in injected_names(function) if name in given}
    x_adv = member["perturb"](objective, x, y, **context)
    if x_adv.device != x.device:
        yield f"perturb: must make its tensors on the device of the images, got {x_adv.device}"


CHECKS = (check_result, check_seed, check_parameters, check_gradient_steps, check_device)
