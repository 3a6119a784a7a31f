"""The contract of losses: `loss`."""

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from trainables.bound_components import BoundMember
from trainables.injection import inject
from tuner.contracts.samples import CLASSES, SIZES, build_context

LARGE = 80.0
"""Logits whose exponential overflows in half precision, and nearly in fp32."""


def losses(member: BoundMember, logits: Tensor, y: Tensor, classes: int = CLASSES) -> Tensor:
    """Return the loss of each example."""
    values: Tensor = inject(member["loss"], build_context(classes))(logits, y)
    return values


def check_loss(member: BoundMember) -> Iterator[str]:
    """Yield where losses have another shape, are not finite, or have no gradient."""
    for size, classes in [*((size, CLASSES) for size in SIZES), (6, 2), (6, 3)]:
        rng = Generator().manual_seed(0)
        logits = torch.randn(size, classes, generator=rng).requires_grad_()
        y = torch.arange(size) % classes
        values = losses(member, logits, y, classes)
        if values.shape != (size,):
            yield (
                f"loss: must return one loss per image ({size},), got {tuple(values.shape)}; the "
                "method takes the mean"
            )
            return
        (grad,) = torch.autograd.grad(values.sum(), logits, allow_unused=True)
        if grad is None or not values.isfinite().all() or not grad.isfinite().all():
            yield f"loss: must be finite and have a finite gradient for {classes} classes"
            return
        if not (grad.flatten(1).abs().sum(dim=1) > 0).all():
            yield "loss: the gradient of an image is 0; are logits of images mixed up?"
        if values.device != logits.device:
            yield f"loss: must be on {logits.device}, got {values.device}"


def check_examples(member: BoundMember) -> Iterator[str]:
    """Yield whether the loss of an image depends on the others, or on global random numbers."""
    logits, y = torch.randn(7, CLASSES, generator=Generator().manual_seed(0)), torch.arange(7) % 5
    whole, again = (losses(member, logits, y) for _ in range(2))
    if not torch.equal(whole, again):
        yield "loss: two calls with the same logits differ"
    if not torch.allclose(losses(member, logits[:1], y[:1]), whole[:1]):
        yield "loss: the loss of an image depends on the others of the batch"


def check_probabilities(member: BoundMember) -> Iterator[str]:
    """Yield whether labels and the same labels as probabilities have other losses.

    Mixup and label smoothing give probabilities.
    """
    logits, y = torch.randn(6, CLASSES, generator=Generator().manual_seed(0)), torch.arange(6) % 5
    soft = F.one_hot(y, CLASSES).to(logits.dtype)
    if not torch.allclose(losses(member, logits, soft), losses(member, logits, y), atol=1e-5):
        yield "loss: labels (N,) and the same labels as probabilities (N, K) must be alike"


def check_large_logits(member: BoundMember) -> Iterator[str]:
    """Yield whether the loss overflows for a network that is very sure."""
    logits = LARGE * F.one_hot(torch.tensor([0, 1]), CLASSES).float()
    if not losses(member, logits, torch.tensor([0, 2])).isfinite().all():
        yield f"loss: must be finite for logits of {LARGE:g}; use log_softmax, not log of softmax"


CHECKS = (check_loss, check_examples, check_probabilities, check_large_logits)
