"""Learnable boundary guided adversarial training (Cui et al., 2021, arXiv:2011.11164)."""

import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative
from trainables.methods.trades import divergence
from trainables.methods.trades import inner as inner
from trainables.networks.teacher import Teacher
from trainables.protocols import Criterion

COMPANIONS = {
    "teacher": {"name": "trained", "model": "resnet18"},
    "attack": {"name": "pgd", "start": "gaussian", "project_start": False},
}
"""The teacher learns from clean images by the same optimizer."""
TEACHERS = ("trained",)
WHOLE_BATCH = True
"""The teacher has BatchNorm, whose statistics need the whole batch."""


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    teacher: Teacher,
    beta: NonNegative = 6.0,
) -> Tensor:
    """Return the training loss: the distance of adversarial logits to the clean ones of a teacher.

    The teacher learns from the labels of clean images, and from the distance too. The network in
    training sees no label.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each clean image, for the teacher.
        teacher: Network that is trained along.
        beta: Weight of the KL divergence, as in TRADES; 0 and 6 in the paper. With 0, the clean
            images still count in BatchNorm's running statistics, as in the published code.

    Returns:
        Scalar; the loss of the teacher and the divergence in nats, the squared distance averaged
        over classes too.
    """
    adversarial, clean, target = model(x_adv), model(x), teacher(x)
    loss = criterion(target, y) + beta * divergence(clean, adversarial)
    return F.mse_loss(adversarial, target) + loss.mean()
