"""Adapters for the parts of AutoAttack (arXiv:2003.01690) in the pyautoattack package."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from torch import Generator, Tensor
from torch.nn import Module

from trainables.threat import Threat
from trainables.threats.l1 import L1
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf

NORMS = {Linf: "Linf", L2: "L2", L1: "L1"}
L1_STAGES = ((3.0, 0.3), (2.0, 0.3), (1.0, 0.4))
"""In the l1 norm, the radius of each stage of Auto-PGD in units of eps, and its share of the steps:
as the standard version of the package. An image in a large ball is easier to misclassify, and its
projection is a start in the small one."""
SILENT_LOGGER = logging.getLogger("attuner.silent")
SILENT_LOGGER.disabled = True  # the sanity checks cover what the package warns of


def attack_settings(threat: Threat, device: torch.device) -> dict[str, object]:
    """Return the settings that every attack of the package takes.

    Raises:
        ValueError: If the package does not support the norm.
    """
    if type(threat) not in NORMS:
        raise ValueError(f"AutoAttack supports linf, l2 and l1, got {type(threat).__name__}.")
    return {"norm": NORMS[type(threat)], "eps": threat.eps, "device": device}


@contextmanager
def seed_global_rng(rng: Generator) -> Iterator[None]:
    """Seed torch's global generator, which the package draws from, with `rng`."""
    seed = int(torch.randint(2**62, (1,), generator=rng, device=rng.device))
    devices = [rng.device] if rng.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


class ChannelsLast(torch.autograd.Function):
    """Channels-last images for fast convolutions, and contiguous gradients for the package.

    The package calls `view` on gradients, which needs channels first.
    """

    @staticmethod
    def forward(_: object, x: Tensor) -> Tensor:
        """Return the images (N, C, H, W) with channels last in memory."""
        return x.contiguous(memory_format=torch.channels_last)

    @staticmethod
    def backward(_: object, grad: Tensor) -> Tensor:
        """Return the gradient (N, C, H, W) with channels first in memory."""
        return grad.contiguous()


def wrap_model(model: Module) -> Callable[[Tensor], Tensor]:
    """Return the function that the package attacks: images (N, C, H, W) to logits (N, K)."""

    def logits_of(x: Tensor) -> Tensor:
        logits: Tensor = model(ChannelsLast.apply(x))
        return logits

    return logits_of


def run_apgd(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator,
    steps: int,
    loss: str,
    target: int | None = None,
) -> Tensor:
    """Return the last misclassified point (N, C, H, W) of Auto-PGD for each image, or its start.

    Args:
        model: Images to logits, in eval mode and frozen.
        x: The images (N, C, H, W).
        y: Their labels (N,).
        threat: The set of allowed perturbations.
        rng: Source of random numbers.
        steps: Steps of the attack.
        loss: Name of the loss in the package: "ce", "dlr" or "dlr-targeted".
        target: Rank of the target class by logit, from 2; `None`: untargeted.
    """
    settings = attack_settings(threat, x.device) | {"n_iter": steps, "logger": SILENT_LOGGER}
    if target is None:
        attack = APGDAttack(wrap_model(model), loss=loss, **settings)
    else:
        attack = APGDAttack_targeted(wrap_model(model), **settings)
        with torch.no_grad():
            attack.y_target = model(x).sort(dim=1)[1][:, -target]
    x = x.contiguous()
    attack.init_hyperparam(x)
    with seed_global_rng(rng):
        if isinstance(threat, L1):
            radii, numbers = split_stages(threat.eps, steps)
            *_, wrong = attack.decr_eps_pgd(x, y, radii, numbers)
        else:
            *_, wrong = attack.attack_single_run(x, y)
    return remove_rounding(wrong.detach(), x, threat)


def split_stages(eps: float, steps: int) -> tuple[list[float], list[int]]:
    """Return the radius and the number of steps of each stage of Auto-PGD in the l1 norm.

    >>> split_stages(12.0, 100)
    ([36.0, 24.0, 12.0], [30, 30, 40])
    """
    numbers = [math.ceil(share * steps) for _, share in L1_STAGES[:-1]]
    return [reach * eps for reach, _ in L1_STAGES], [*numbers, steps - sum(numbers)]


def remove_rounding(points: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """Return points of the package inside the ball; in the l1 norm they may be just outside.

    It sums the changes of all pixels in fp32.
    """
    return threat.project(points, x) if isinstance(threat, L1) else points
