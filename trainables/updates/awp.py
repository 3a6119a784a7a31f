"""Adversarial weight perturbation (Wu et al., 2020, arXiv:2004.05884)."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor
from torch.nn import Module, Parameter
from torch.optim import Optimizer

from trainables.hparams.ranges import Fraction, NonNegative
from trainables.networks.modes import Mode
from trainables.networks.running_statistics import BatchNormUpdates, frozen_statistics
from trainables.protocols import BoundAttack, BoundMethod, PassOrder
from trainables.updates.alternate import craft_examples, descend_loss

PASS_ORDER = PassOrder.ADVERSARIAL_FIRST
"""With TRADES the published code passes adversarial, clean and clean images."""
FORMER_VALUES = {"bn_updates": "each_pass"}
"""What the code did before it had these knobs."""
TINY = 1e-20
"""Keeps a vanishing gradient from dividing by zero; the constant of the published code."""


def update(
    model: Module,
    optimizer: Optimizer,
    x: Tensor,
    y: Tensor,
    *,
    method: BoundMethod,
    attack: BoundAttack,
    progress: float = 0.0,
    mode: Mode = "eval",
    gamma: NonNegative = 0.01,
    begins: Fraction = 0.0,
    bn_updates: BatchNormUpdates = "published",
) -> Tensor:
    """Update the weights once, with the gradient at adversarially perturbed weights.

    Args:
        model: The network.
        optimizer: The optimizer.
        x: Clean images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        method: Method with the two objectives.
        attack: Attack that maximises the inner objective.
        progress: Completed share of the run, in [0, 1].
        mode: BatchNorm during the attack, as in `alternate`.
        gamma: Size of the weight perturbation, relative to the norm of each matrix; 0.005 for
            TRADES in the published code.
        begins: Share of the run before the first perturbation.
        bn_updates: Whether the pass that finds the perturbation updates BatchNorm's running
            statistics. "published": no, as the published code does it on a copy of the network;
            "each_pass": yes, so that a step updates them twice as often.

    Returns:
        The loss at the perturbed weights (scalar).
    """
    x_adv = craft_examples(model, x, y, method, attack, mode)
    loss = partial(method.outer, model, x, x_adv, y)
    if not gamma or (begins and progress < begins):
        return descend_loss(optimizer, loss)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    with frozen_statistics(model, frozen=bn_updates == "published"):
        gradients = torch.autograd.grad(loss(), matrices)
    optimizer.zero_grad()
    with perturbed_weights(matrices, gradients, gamma):
        value = loss()
        value.backward()
    optimizer.step()
    return value.detach()


@contextmanager
def perturbed_weights(
    matrices: list[Parameter], gradients: tuple[Tensor, ...], gamma: float
) -> Iterator[None]:
    """Move each matrix along its gradient by `gamma` of its norm inside the block."""
    saved = [w.detach().clone() for w in matrices]
    with torch.no_grad():
        for w, g in zip(matrices, gradients, strict=True):
            w.add_(g * (gamma * w.norm() / (g.norm() + TINY)))
    try:
        yield
    finally:
        with torch.no_grad():
            for w, old in zip(matrices, saved, strict=True):
                w.copy_(old)  # exact; subtracting would leave rounding errors
