"""PGD that stops soon after it succeeds: friendly adversaries (Zhang et al., arXiv:2002.11242)."""

from collections.abc import Iterator, Mapping

import torch
from torch import Generator, Tensor

from trainables.attacks.pgd import Start, start_point, step_length
from trainables.hparams.ranges import Count, Fraction, Natural, NonNegative, Positive
from trainables.hparams.soft_labels import find_mixing
from trainables.protocols import AttackObjective
from trainables.threat import Threat

GRADIENT_STEPS = "steps"


def perturb(
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    progress: float = 0.0,
    rng: Generator | None = None,
    steps: Count = 10,
    step_size: Positive | None = None,
    start: Start = "random",
    tolerance: Natural = 0,
    grows: tuple[Fraction, ...] = (),
    omega: NonNegative = 0.0,
) -> Tensor:
    """Return inputs near `x` that are barely misclassified, where the attack succeeds.

    Each step of a misclassified input uses up one unit of its tolerance. The input stops moving
    when none is left. With a tolerance of `steps` or more, the attack is PGD.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,).
        threat: The set of allowed perturbations.
        progress: Completed share of the run, in [0, 1].
        rng: Generator of the random start and the noise. `None`: the global generator.
        steps: Gradient evaluations.
        step_size: Length of one step, in the units of eps. `None`: a quarter of eps.
        start: Starting point, as in PGD.
        tolerance: Further steps of an input after it is misclassified, at the start of the run.
        grows: Shares of the run at which the tolerance grows by one: "40:70" of Bag of Tricks'
            Table 2 (arXiv:2010.00467) is [40/110,70/110].
        omega: Standard deviation of noise added at every step (0.001 in the published code).

    Returns:
        Allowed inputs (N, ...), detached, in the order of `x`.
    """
    length = step_length(step_size, threat)
    tolerance_left = torch.full_like(y, tolerance)
    tolerance_left += sum(progress >= milestone for milestone in grows)
    x_adv = start_point(start, x, threat, length, rng)
    for _ in range(steps):
        x_adv = x_adv.detach().requires_grad_()
        value, logits = objective(x_adv)
        (grad,) = torch.autograd.grad(value.sum(), x_adv)
        is_wrong = logits.argmax(dim=1) != y
        moving = ~is_wrong | (tolerance_left > 0)
        tolerance_left = tolerance_left - is_wrong.long()
        x_adv = x_adv.detach()
        moved = x_adv + length * threat.steepest_step(grad)
        if omega:
            noise = torch.randn(x.shape, generator=rng, device=x.device, dtype=x.dtype)
            moved = moved + omega * noise
        shape = (-1, *[1] * (x.dim() - 1))
        x_adv = torch.where(moving.view(shape), threat.project(moved, x), x_adv)
    return x_adv.detach()


def conflicts(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a problem if mixup or CutMix is set or searched."""
    for knob in find_mixing(config):
        yield f"{knob}: must be 0 with attack=friendly, which needs one label per image."
