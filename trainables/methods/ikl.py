"""Improved Kullback-Leibler divergence, IKL-AT (Cui et al., NeurIPS 2024, arXiv:2305.13948).

The KL divergence has the gradients of a weighted squared distance plus a cross-entropy (DKL). IKL
lets the first term reach both predictions, and takes its weights from the mean predictions of the
class in place of those of the image.
"""

import torch
from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative, Positive
from trainables.methods.trades import inner as inner
from trainables.protocols import Criterion

COMPANIONS = {"attack": {"name": "pgd", "start": "gaussian", "project_start": False}}
WEIGHTS, SUMS, EPOCH = "class means", "sums of class predictions", "epoch of class means"
"""Keys of `memory`: mean predictions (K, K) of the images of each class in the epoch before, their
sums in the current one, and its number."""


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    memory: dict[str, Tensor],
    epoch: int = 0,
    alpha: NonNegative = 4.0,
    beta: NonNegative = 20.0,
    temperature: Positive = 4.0,
) -> Tensor:
    """Return the training loss: the clean loss plus the IKL of clean and adversarial predictions.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,), or probabilities (N, K).
        criterion: Loss of each clean example.
        memory: Stores the mean predictions of the classes.
        epoch: Epochs finished before this step.
        alpha: Weight of the cross-entropy of adversarial predictions with the clean ones, which are
            detached there.
        beta: Weight of the squared distances of clean and adversarial differences of logits.
        temperature: Temperature of the predictions that are averaged over a class. In the first
            epoch all weights are 1/K.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    adversarial, clean = model(x_adv), model(x)
    # not by F.one_hot, which looks at the labels: that prevents the capture in a graph
    classes = torch.arange(clean.shape[1], device=clean.device)
    label = y if y.is_floating_point() else (y[:, None] == classes).to(clean.dtype)
    weights = label @ update_class_means(memory, clean.detach(), label, epoch, temperature)
    soft = -(clean.detach().softmax(dim=1) * adversarial.log_softmax(dim=1)).sum(dim=1)
    distance = weighted_distance(clean - adversarial, weights)
    losses: Tensor = criterion(clean, y) + beta * distance + alpha * soft
    return losses.mean()


def weighted_distance(shift: Tensor, weights: Tensor) -> Tensor:
    """Return a quarter of the weighted sum of (d_j - d_k)^2 over pairs of classes, as (N,).

    The weight of a pair is w_j w_k. The sum is twice the variance of d times the squared sum of
    the weights, which avoids (N, K, K) numbers.

    Args:
        shift: Differences d of clean and adversarial logits, (N, K).
        weights: Weights w of the classes, (N, K).
    """
    total = weights.sum(dim=1)
    mean = (weights * shift).sum(dim=1) / total
    return 0.5 * total * (weights * (shift - mean[:, None]).square()).sum(dim=1)


@torch.no_grad()
def update_class_means(
    memory: dict[str, Tensor], logits: Tensor, label: Tensor, epoch: int, temperature: float
) -> Tensor:
    """Add predictions to the sums of the epoch; return the mean predictions (K, K) to use.

    They are those of the epoch before. All operations are on tensors, so that a step can be
    captured in a graph.

    Args:
        memory: Stores the sums.
        logits: Clean logits, (N, K).
        label: Labels as probabilities (N, K).
        epoch: Epochs finished before this step.
        temperature: Divides the logits.
    """
    number = logits.shape[1]
    if WEIGHTS not in memory:
        memory[WEIGHTS] = torch.full_like(logits[:1].expand(number, -1), 1 / number)
        memory[SUMS] = torch.zeros_like(memory[WEIGHTS])
        memory[EPOCH] = torch.zeros((), dtype=torch.float64, device=logits.device)
    weights, sums = memory[WEIGHTS], memory[SUMS]
    is_next = memory[EPOCH] != epoch
    total = sums.sum(dim=1, keepdim=True)
    # a class without an image in the epoch keeps its mean
    weights.copy_(torch.where(is_next & (total > 0), sums / total, weights))
    sums.mul_(~is_next).add_(label.T @ (logits / temperature).softmax(dim=1))
    memory[EPOCH].copy_(torch.as_tensor(epoch))
    return weights.clone()
