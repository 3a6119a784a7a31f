"""Standard training, without an attack (as in He et al., 2016, arXiv:1512.03385)."""

from torch import Tensor
from torch.nn import Module

from trainables.protocols import Criterion


def inner(model: Module, x: Tensor, y: Tensor) -> None:
    """Return `None`: there is no attack."""


def outer(model: Module, x: Tensor, x_adv: Tensor, y: Tensor, *, criterion: Criterion) -> Tensor:
    """Return the training loss: the criterion at the clean images.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1].
        x_adv: The same images; unused.
        y: Labels (N,).
        criterion: Loss of each example.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    return criterion(model(x), y).mean()
