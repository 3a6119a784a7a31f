"""One long step from a random start: Fast-AT (Wong et al., 2020, arXiv:2001.03994)."""

from torch import Generator, Tensor

from trainables.attacks import pgd
from trainables.hparams.ranges import Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

GRADIENT_STEPS = 1


def perturb(
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator | None = None,
    reach: Positive = 1.25,
) -> Tensor:
    """Return inputs near `x` where `objective` is larger.

    Both the start and the result are projected; without the first projection, or with a longer
    step, training collapses sooner.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations.
        rng: Generator of the random start. `None`: the global generator.
        reach: Length of the step as a multiple of eps.

    Returns:
        Allowed inputs (N, ...), detached.
    """
    start = threat.project(threat.random_point(x, rng), x)
    return pgd.take_step(objective, start, x, threat, reach * threat.eps)
