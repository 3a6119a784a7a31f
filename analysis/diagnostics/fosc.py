"""First-order stationary condition (Wang et al., 2019, arXiv:2112.08304)."""

from torch import Generator, Tensor
from torch.nn import Module

from analysis.diagnostics._attack import frozen_eval, run_pgd
from trainables.attacks.dynamic import compute_fosc
from trainables.hparams.ranges import Count, Positive
from trainables.methods._gradient import input_gradient
from trainables.threat import Threat


def measure(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator | None = None,
    steps: Count = 10,
    step_size: Positive | None = None,
) -> dict[str, Tensor]:
    """Return how much the loss could still grow, to first order, where PGD has ended.

    `fosc` is eps ||g||_1 - <x' - x, g> for linf, as published, which knows nothing of pixels that
    cannot leave [0, 1]. `fosc_in_range` counts only what they can move by.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        x: Images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        threat: The set of allowed perturbations.
        rng: Source of the random start.
        steps: Gradient evaluations of PGD.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.

    Returns:
        `fosc` and `fosc_in_range`, (N,) each, in nats; 0 where PGD has converged. The second is
        exact for linf and at most the true value for l2.
    """
    x_adv = run_pgd(model, x, y, threat=threat, rng=rng, steps=steps, step_size=step_size)
    with frozen_eval(model) as seen:
        grad = input_gradient(seen, x_adv, y).view_as(x)
    farthest = threat.project(x + threat.eps * threat.steepest_step(grad), x)
    return {
        "fosc": compute_fosc(x_adv - x, grad, threat),
        "fosc_in_range": ((farthest - x_adv) * grad).flatten(1).sum(dim=1),
    }
