"""Noise, then one step, and no projection: N-FGSM (de Jorge et al., 2022, arXiv:2202.01181)."""

import torch
from torch import Generator, Tensor

from trainables.hparams.ranges import Positive
from trainables.protocols import AttackObjective
from trainables.threat import Threat

LEAVES_THE_BALL = True
"""By design: the noise is wider than the ball, and there is no projection."""
GRADIENT_STEPS = 1
FORMER_VALUES = {"clip_noise": False}
"""What the code did before it had these knobs."""


def perturb(
    objective: AttackObjective,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator | None = None,
    noise: Positive = 2.0,
    reach: Positive = 1.0,
    clip_noise: bool = True,
) -> Tensor:
    """Return inputs near `x` where `objective` is larger; they may lie outside the ball.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,); unused.
        threat: Threat model; its eps is the unit of `noise` and `reach`.
        rng: Generator of the noise. `None`: the global generator.
        noise: Half-width of the noise as a multiple of eps, k of the paper.
        reach: Length of the step as a multiple of eps.
        clip_noise: Whether the noisy image is clipped to [0, 1] before its gradient is taken, as in
            the published code. On MNIST nearly every pixel is at an end of that range.

    Returns:
        Inputs (N, ...) in [0, 1], at most noise + reach times eps from `x`, detached.
    """
    start = x + noise * (threat.random_point(x, rng) - x)
    start = start.clamp(0, 1) if clip_noise else start
    start = start.detach().requires_grad_()
    value, _ = objective(start)
    (grad,) = torch.autograd.grad(value.sum(), start)
    moved: Tensor = start.detach() + reach * threat.eps * threat.steepest_step(grad)
    return moved.clamp_(0, 1)
