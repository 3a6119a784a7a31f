"""Auto-PGD of the pyautoattack package (Croce and Hein, 2020, arXiv:2003.01690)."""

import torch
from pyautoattack.autopgd_base import APGDAttack, APGDAttack_targeted
from torch import Generator, Tensor
from torch.nn import Module

from trainables.evaluation.autoattack import (
    SILENT_LOGGER,
    attack_settings,
    seed_global_rng,
    wrap_model,
)
from trainables.threat import Threat


def run_apgd(
    model: Module,
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator,
    steps: int,
    loss: str,
    target: int | None = None,
) -> Tensor:
    """Return the last misclassified point of each image (N, C, H, W), or its start.

    Args:
        model: Images to logits, in eval mode and frozen.
        x: The images (N, C, H, W).
        y: Their labels (N,).
        threat: The set of allowed perturbations.
        rng: Source of random numbers.
        steps: Steps of the attack.
        loss: Name of the loss in the package: "ce", "dlr" or "dlr-targeted".
        target: Rank of the target class by logit, from 2; `None`: untargeted.
    """
    settings = attack_settings(threat, x.device) | {"n_iter": steps, "logger": SILENT_LOGGER}
    if target is None:
        attack = APGDAttack(wrap_model(model), loss=loss, **settings)
    else:
        attack = APGDAttack_targeted(wrap_model(model), **settings)
        with torch.no_grad():
            attack.y_target = model(x).sort(dim=1)[1][:, -target]
    x = x.contiguous()
    attack.init_hyperparam(x)
    with seed_global_rng(rng):
        *_, wrong = attack.attack_single_run(x, y)
    points: Tensor = wrong.detach()
    return points
