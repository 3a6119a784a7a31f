"""Training against several norms: MAX and AVG (Tramèr and Boneh, 2019, arXiv:1904.13000), and E-AT.

E-AT attacks each batch in one norm (Croce and Hein, 2022, arXiv:2105.12508), so that a step costs
as much as with one norm; the others attack it in all of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Literal

import torch
from torch import Generator, Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainables.hparams.ranges import Positive
from trainables.networks.folded_view import folded_view
from trainables.networks.modes import Mode, frozen_weights, in_mode
from trainables.protocols import AttackObjective, BoundAttack, BoundMethod
from trainables.threat import Threat
from trainables.threats import l1, l2, linf
from trainables.updates.alternate import craft_examples, descend_loss

ROBUST = "robust images by norm"
"""Key of `memory`: attacked images that stayed correct, and all of them, by norm; (M, 2)."""
UNKNOWN_SHARE = 0.5
"""Robust accuracy in each norm until all of them have been attacked."""


def update(
    model: Module,
    optimizer: Optimizer,
    x: Tensor,
    y: Tensor,
    *,
    method: BoundMethod,
    attack_under: Callable[[Threat], BoundAttack],
    threat: Threat,
    full_threat: Threat,
    memory: dict[str, Tensor],
    rng: Generator | None = None,
    combine: Literal["max", "average", "alternate"] = "max",
    eps_linf: Positive | None = 8 / 255,
    eps_l2: Positive | None = None,
    eps_l1: Positive | None = 12.0,
    mode: Mode = "eval",
) -> Tensor:
    """Update the weights once.

    Validation and evaluation use the threat of the study, which may be another.

    Args:
        model: The network.
        optimizer: The optimizer.
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        method: Method with the two objectives.
        attack_under: Returns the attack under a threat.
        threat: The threat of the study at this step; the radii here shrink as its radius does.
        full_threat: The same at full radius.
        memory: Stores how many images stay correct in each norm.
        rng: Generator of the choice of a norm. `None`: the global generator.
        combine: "max" trains on the point of each image with the largest inner objective (MAX),
            "average" on the mean loss in all norms (AVG). "alternate" attacks the batch in one
            norm, drawn with probabilities proportional to the error rates under attack so far
            (E-AT).
        eps_linf: Radius in linf; `None`: not used.
        eps_l2: Radius in l2, likewise; 0.5 is usual on CIFAR-10. Robustness in l1 and linf brings
            some in l2 along, so that E-AT leaves it out.
        eps_l1: Radius in l1, likewise.
        mode: BatchNorm during the attack, as in `alternate`.

    Returns:
        The loss before the step (scalar).
    """
    share = threat.eps / full_threat.eps
    threats = [
        replace(each, eps=each.eps * share) for each in build_threats(eps_linf, eps_l2, eps_l1)
    ]
    craft = partial(craft_examples, model, x, y, method)
    if combine == "alternate":
        chosen = draw_norm(memory, len(threats), x.device, rng)
        stayed = torch.ones(len(x), dtype=torch.bool, device=x.device)
        x_adv = craft(record_correct(attack_under(threats[chosen]), y, stayed), mode)
        memory[ROBUST][chosen] += torch.stack([stayed.sum(), torch.ones_like(stayed).sum()])
        return descend_loss(optimizer, partial(method.outer, model, x, x_adv, y))
    points = [craft(attack_under(each), mode) for each in threats]
    if combine == "max":
        x_adv = pick_worst(model, method, x, y, points, mode)
        return descend_loss(optimizer, partial(method.outer, model, x, x_adv, y))

    def mean_loss() -> Tensor:
        return torch.stack([method.outer(model, x, each, y) for each in points]).mean()

    return descend_loss(optimizer, mean_loss)


def build_threats(
    eps_linf: float | None, eps_l2: float | None, eps_l1: float | None
) -> list[Threat]:
    """Return the threats whose radius is set."""
    kinds = ((linf.build, eps_linf), (l2.build, eps_l2), (l1.build, eps_l1))
    return [build(eps=eps) for build, eps in kinds if eps is not None]


def draw_norm(
    memory: dict[str, Tensor], number: int, device: torch.device, rng: Generator | None
) -> int:
    """Return the index of a norm, drawn by the error rates so far."""
    if ROBUST not in memory:
        memory[ROBUST] = torch.zeros(number, 2, dtype=torch.long, device=device)
    robust, attacked = memory[ROBUST].double().unbind(dim=1)
    seen = (attacked > 0).all()
    errors = 1 - torch.where(seen, robust / attacked, UNKNOWN_SHARE)
    # where nothing is misclassified in any norm, all are as likely
    weights = torch.where(errors.sum() > 0, errors, torch.ones_like(errors))
    return int(torch.multinomial(weights, 1, generator=rng))


def record_correct(attack: BoundAttack, y: Tensor, stayed: Tensor) -> BoundAttack:
    """Return an attack that marks the images that are misclassified at any of its points.

    Args:
        attack: The attack.
        y: Labels (N,), or probabilities (N, K).
        stayed: Mask (N,), changed in place.
    """
    labels = y.argmax(dim=1) if y.is_floating_point() else y

    def perturb(objective: AttackObjective, x: Tensor, y: Tensor) -> Tensor:
        def watched(x_adv: Tensor) -> tuple[Tensor, Tensor]:
            value, logits = objective(x_adv)
            stayed.logical_and_(logits.argmax(dim=1) == labels)
            return value, logits

        return attack.perturb(watched, x, y)

    return replace(attack, perturb=perturb)


@torch.no_grad()
def pick_worst(
    model: Module, method: BoundMethod, x: Tensor, y: Tensor, points: list[Tensor], mode: Mode
) -> Tensor:
    """Return the points (N, ...) of each image with the largest inner objective."""
    with in_mode(model, mode), frozen_weights(model), torch.enable_grad():
        objective = method.inner(folded_view(model) if mode == "eval" else model, x, y)
    if objective is None:
        return x
    with in_mode(model, mode):
        values = torch.stack([objective(each)[0] for each in points])
    worst = values.argmax(dim=0).view(1, -1, *[1] * (x.dim() - 1))
    return torch.stack(points).gather(0, worst.expand(1, *x.shape))[0]


def conflicts(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield the problem of fewer than two norms, or of one length of step for all of them."""
    radii = [config["update"].get(f"eps_{norm}", 1) for norm in ("linf", "l2", "l1")]
    if len([eps for eps in radii if eps is not None]) < 2:
        yield "update: multi_norm needs two norms; set update.eps_linf, eps_l2 or eps_l1."
    if config["attack"].get("step_size") is not None:
        yield (
            "attack.step_size: must be none with update=multi_norm; steps are a quarter of the "
            "radius in each norm."
        )
