"""One step of length eps from the image itself (Goodfellow et al., 2015, arXiv:1412.6572)."""

from torch import Tensor

from trainables.attacks import pgd
from trainables.hparams.ranges import Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

GRADIENT_STEPS = 1


def perturb(
    objective: AttackObjective, x: Tensor, y: Tensor, *, threat: Threat, reach: Positive = 1.0
) -> Tensor:
    """Return inputs near `x` where `objective` is larger.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations.
        reach: Length of the step as a multiple of eps, before projection.

    Returns:
        Allowed inputs (N, ...), detached.
    """
    return pgd.take_step(objective, x, x, threat, reach * threat.eps)
