"""Adversarial training with consistency regularisation (Tack et al., 2022, arXiv:2103.04623)."""

from collections.abc import Iterator, Mapping

from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative, Positive
from trainables.hparams.soft_labels import find_mixing
from trainables.methods.pgd_at import inner as inner
from trainables.protocols import Criterion

VIEWS = 2
"""Each image is in the batch twice, with two augmentations; both are attacked."""
WHOLE_BATCH = True
"""The first half of the batch is the first view of each image."""
TINY = 1e-8
"""Lower bound of a mean probability; the constant of the published code."""


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    weight: NonNegative = 1.0,
    temperature: Positive = 0.5,
) -> Tensor:
    """Return the training loss: the criterion plus the divergence of the two attacked views.

    Args:
        model: Maps images (2 N, C, H, W) to logits (2 N, K).
        x: Clean images (2 N, C, H, W) in [0, 1]; unused.
        x_adv: Adversarial images, shaped as `x`; the second half are those of other augmentations.
        y: Labels (2 N,).
        criterion: Loss of each example.
        weight: Weight of the Jensen-Shannon divergence.
        temperature: Divides the logits in the divergence; below 1 it sharpens predictions.

    Returns:
        Scalar, in nats, averaged over the batch.
    """
    logits = model(x_adv)
    one, other = (logits / temperature).log_softmax(dim=1).chunk(VIEWS)
    return criterion(logits, y).mean() + weight * jensen_shannon(one, other).mean()


def jensen_shannon(log_p: Tensor, log_q: Tensor) -> Tensor:
    """Return the Jensen-Shannon divergence of two batches of log-probabilities, as (N,) nats."""
    p, q = log_p.exp(), log_q.exp()
    log_mean = (0.5 * (p + q)).clamp(min=TINY).log()
    return 0.5 * (p * (log_p - log_mean) + q * (log_q - log_mean)).sum(dim=1)


def conflicts(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a problem if mixup or CutMix is set or searched."""
    for knob in find_mixing(config):
        yield f"{knob}: must be 0 with method=consistency, which compares views of one image."


def warnings(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a warning if both views of an image are the same."""
    if not any(config["data"].get(knob, 1) for knob in ("crop", "flip", "cutout")) and (
        config["data"].get("policy", "none") == "none"
    ):
        yield (
            "data: without augmentation both views of an image start from the same pixels; write "
            "e.g. data.crop=4 data.flip=true."
        )
