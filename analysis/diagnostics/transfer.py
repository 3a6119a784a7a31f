"""Transfer: one network's adversarial examples on another (Liu et al., 2017, arXiv:1611.02770)."""

from collections.abc import Mapping

import torch
from torch import Generator, Tensor
from torch.nn import Module

from analysis.diagnostics._attack import frozen_eval, run_pgd
from trainables.hparams.ranges import Count, Positive
from trainables.threat import Threat


def measure(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    others: Mapping[str, Module],
    rng: Generator | None = None,
    steps: Count = 10,
    step_size: Positive | None = None,
) -> dict[str, Tensor]:
    """Return which of the images that PGD has made against `model` each network gets right.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        x: Images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        threat: The set of allowed perturbations.
        others: Networks by name; `model` itself among them is attacked white-box.
        rng: Source of PGD's random start.
        steps: Gradient evaluations of PGD.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.

    Returns:
        `accuracy of NAME` for each of them, (N,), of zeros and ones, at PGD's last step.
    """
    x_adv = run_pgd(model, x, y, threat=threat, rng=rng, steps=steps, step_size=step_size)
    found: dict[str, Tensor] = {}
    for name, other in others.items():
        with frozen_eval(other) as seen, torch.no_grad():
            found[f"accuracy of {name}"] = (seen(x_adv).argmax(dim=1) == y).to(x.dtype)
    return found
