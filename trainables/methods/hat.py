"""Helper-based adversarial training (Rade and Moosavi-Dezfooli, 2022, openreview:Azh9QBQ4tR7)."""

from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import AtLeastOne, NonNegative
from trainables.methods.trades import divergence
from trainables.methods.trades import inner as inner
from trainables.networks.teacher import Teacher
from trainables.protocols import Criterion

COMPANIONS = {
    "teacher": {"name": "file"},
    "attack": {"name": "pgd", "start": "gaussian", "project_start": False},
}
"""The teacher is a network after standard training."""
TEACHERS = ("file", "average")
"""The labels of its predictions give no gradient, so that it cannot be trained along."""


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    teacher: Teacher,
    beta: NonNegative = 2.5,
    helper_weight: NonNegative = 0.5,
    reach: AtLeastOne = 2.0,
) -> Tensor:
    """Return the training loss: that of TRADES, plus the loss of helper examples.

    A helper example lies beyond the adversarial one, and has the class that a standard network
    gives to the adversarial one. It keeps the margin from growing more than robustness needs.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each clean and of each helper example.
        teacher: Network after standard training.
        beta: Weight of the KL divergence, as in TRADES; 2.5 in the published command for CIFAR-10.
        helper_weight: Weight of the helper loss, gamma of the paper; likewise 0.5.
        reach: Perturbation of a helper example as a multiple of the adversarial one, so that it
            may leave [0, 1].

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    helper_labels = teacher(x_adv).argmax(dim=1)
    clean, adversarial, helper = model(x), model(x_adv), model(x + reach * (x_adv - x))
    loss = criterion(clean, y) + beta * divergence(clean, adversarial)
    return (loss + helper_weight * criterion(helper, helper_labels)).mean()
