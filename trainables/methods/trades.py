"""TRADES (Zhang et al., 2019, arXiv:1901.08573)."""

from typing import Literal

from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative
from trainables.protocols import AttackObjective, Criterion

COMPANIONS = {"attack": {"name": "pgd", "start": "gaussian"}}
"""The divergence has no slope at the image itself, and the published code starts 0.001 N away."""


def inner(model: Module, x: Tensor, y: Tensor) -> AttackObjective:
    """Return what the attack maximises: the shift of the prediction away from that at `x`."""
    clean = model(x).detach()

    def objective(x_adv: Tensor) -> tuple[Tensor, Tensor]:
        logits = model(x_adv)
        return divergence(clean, logits), logits

    return objective


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    beta: NonNegative = 6.0,
    variant: Literal["kl", "ce"] = "kl",
) -> Tensor:
    """Return what training minimises: the clean criterion plus `beta` times the shift.

    The clean prediction is not detached: its gradient is where the two variants differ.

    Args:
        model: Images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Attacked images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        beta: Price of the shift, 1/lambda of the paper; 0 is standard training.
        variant: "kl" is the divergence of the published code, "ce" the cross-entropy between the
            two predictions that the paper's text has: the divergence plus the clean entropy.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    clean = model(x)
    adversarial = model(x_adv)
    shift = divergence(clean, adversarial)
    if variant == "ce":
        shift = shift + entropy(clean)
    return (criterion(clean, y) + beta * shift).mean()


def divergence(clean: Tensor, adversarial: Tensor) -> Tensor:
    """Return KL(clean || adversarial) of two batches of logits (N, K), as (N,) nats."""
    log_p, log_q = clean.log_softmax(dim=1), adversarial.log_softmax(dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1)


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy of each prediction (N, K), as (N,) nats."""
    log_p = logits.log_softmax(dim=1)
    return -(log_p.exp() * log_p).sum(dim=1)
