"""TRADES (Zhang et al., 2019, arXiv:1901.08573)."""

from typing import Literal

from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative
from trainables.networks.running_statistics import BatchNormUpdates, forward_repeatable
from trainables.protocols import AttackObjective, Criterion, PassOrder

COMPANIONS = {"attack": {"name": "pgd", "start": "gaussian", "project_start": False}}
"""The divergence has no gradient at the clean image; the published code starts at 0.001 N(0, 1)."""
FORMER_VALUES = {"bn_updates": "each_pass"}
"""What the code did before it had these knobs."""


def inner(model: Module, x: Tensor, y: Tensor) -> AttackObjective:
    """Return the objective of the attack: KL divergence from the clean prediction."""
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
    bn_updates: BatchNormUpdates = "published",
    pass_order: PassOrder = PassOrder.CLEAN_FIRST,
) -> Tensor:
    """Return the training loss: the clean loss plus `beta` times the KL divergence.

    The clean prediction is not detached: the two variants differ in its gradient.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        beta: Weight of the divergence, 1/lambda of the paper; 0 is standard training.
        variant: "kl" is the divergence of the published code, "ce" the cross-entropy between the
            two predictions of the paper's text: the divergence plus the clean entropy.
        bn_updates: Updates of BatchNorm's running statistics by the loss of one step. "published":
            three, as the published code passes the clean images twice; "each_pass": two. With
            three, clean images have two thirds of the weight in the statistics, not half.
        pass_order: Which images go first in the published code of the update; the order changes
            the statistics alone, not the loss.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    if pass_order is PassOrder.ADVERSARIAL_FIRST:
        adversarial = model(x_adv)
    clean, update_again = forward_repeatable(model, x)
    if pass_order is PassOrder.CLEAN_FIRST:
        adversarial = model(x_adv)
    if bn_updates == "published":
        update_again()
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
