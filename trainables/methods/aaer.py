"""Regularisation of abnormal adversarial examples (Lin et al., 2023, arXiv:2404.08154).

With the attack `n_fgsm` it is N-AAER, with `fgsm_rs` RS-AAER. The published code also adds lambda2
times the fall of the loss of abnormal examples; both losses are detached there, so that this term
changes no gradient, and it is left out here.
"""

from torch import Tensor
from torch.nn import Module

from trainables.hparams.ranges import NonNegative
from trainables.methods.fgsm_pgi import inner as inner
from trainables.protocols import AttackStart, Criterion

COMPANIONS = {"attack": {"name": "n_fgsm"}, "update": {"name": "paired"}}
WHOLE_BATCH = True
"""Abnormal examples are compared with the others of the batch."""


def outer(
    model: Module,
    x: Tensor,
    x_adv: Tensor,
    y: Tensor,
    *,
    criterion: Criterion,
    start: AttackStart,
    weight: NonNegative = 0.15,
) -> Tensor:
    """Return the training loss: the adversarial loss plus the variation of abnormal examples.

    An example is abnormal if the step of the attack lowers its loss. Its variation is the squared
    change of its logits, of which that of normal examples is subtracted.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        x: Clean images (N, C, H, W) in [0, 1]; they stand in for a start that is not shared.
        x_adv: Adversarial images, shaped as `x`.
        y: Labels (N,).
        criterion: Loss of each example.
        start: Start of the attack, of which the update `paired` shares the logits.
        weight: Weight of the excess variation times the share of abnormal examples, lambda3 of the
            code. Its commands for CIFAR-10 have 0.15 at 8/255, 0.55 at 12/255 and 1.5 at 16/255 for
            N-AAER, and 1.5, 2.75 and 3.25 for RS-AAER.

    Returns:
        Scalar, in nats.
    """
    _, before = start.or_clean(model, x)
    before = before.detach()
    after = model(x_adv)
    loss = criterion(after, y)
    abnormal = (criterion(before, y) > loss.detach()).to(loss.dtype)
    variation = (before - after).square().sum(dim=1)
    n_abnormal, n_normal = abnormal.sum(), (1 - abnormal).sum()
    of_abnormal = (abnormal * variation).sum() / n_abnormal.clamp(min=1)
    of_normal = ((1 - abnormal) * variation).sum().detach() / n_normal.clamp(min=1)
    excess = (of_abnormal - of_normal).clamp(min=0) * (n_normal > 0)
    regularised: Tensor = loss.mean() + weight * abnormal.mean() * excess
    return regularised
