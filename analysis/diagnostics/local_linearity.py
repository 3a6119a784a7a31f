"""Local linearity, gamma(eps, x) (Qin et al., 2019, arXiv:1907.02610)."""

import torch
from torch import Generator, Tensor
from torch.nn import Module

from analysis.diagnostics._attack import frozen_eval
from trainables.attacks import adam
from trainables.hparams.ranges import Count, Positive
from trainables.methods import llr
from trainables.threat import Threat


def measure(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator | None = None,
    steps: Count = 20,
    rate: Positive = 0.1,
) -> dict[str, Tensor]:
    """Return how far the loss is from linear within the ball around each image.

    That is the maximum of |l(x + d) - l(x) - d . grad l(x)| over allowed d, as far as projected
    Adam finds it, which is a lower bound: the largest of all the points that it looks at.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        x: Images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        threat: The set of allowed perturbations.
        rng: Source of the random start.
        steps: Gradient evaluations of the search.
        rate: Adam's learning rate: about the length of a step, in the units of pixels.

    Returns:
        `gamma`, (N,), in nats.
    """
    gamma = torch.zeros_like(y, dtype=x.dtype)
    with frozen_eval(model) as seen:
        gap = llr.inner(seen, x, y, search="gap")

        def objective(x_adv: Tensor) -> tuple[Tensor, Tensor]:
            value, logits = gap(x_adv)
            torch.maximum(gamma, value.detach(), out=gamma)
            return value, logits

        end = adam.perturb(objective, x, y, threat=threat, rng=rng, steps=steps, rate=rate)
        with torch.no_grad():
            objective(end)
    return {"gamma": gamma}
