"""The gap between FGSM and PGD: catastrophic overfitting (Wong et al., 2020, arXiv:2001.03994)."""

import torch
from torch import Generator, Tensor
from torch.nn import Module

from analysis.diagnostics._attack import frozen_eval, run_pgd
from trainables.attacks import fgsm, pgd
from trainables.hparams.ranges import Count, Positive
from trainables.methods.pgd_at import inner
from trainables.networks.cosine import cosine_similarity
from trainables.robustness.early_stopped_attack import find_robust_images
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
    """Return which images are classified correctly: as they are, under FGSM and under PGD.

    After catastrophic overfitting a network is robust to FGSM and not to PGD. An image counts as
    robust if it is classified correctly at every step of the attack.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        x: Images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        threat: The set of allowed perturbations.
        rng: Source of PGD's random start.
        steps: Gradient evaluations of PGD.
        step_size: Length of one of its steps, in the units of eps; `None`: a quarter of eps.

    Returns:
        `clean_accuracy`, `fgsm_accuracy`, `pgd_accuracy` and `accuracy_gap`, FGSM's less PGD's,
        (N,) each, of zeros and ones and their differences; `step_cosine`, (N,), between the
        perturbations that the two end with, which falls with the alignment of gradients.
    """
    state = rng.clone_state() if rng else None
    start = threat.project(threat.random_point(x, rng), x)
    length = pgd.step_length(step_size, threat)
    with frozen_eval(model) as seen:
        with torch.no_grad():
            clean = seen(x).argmax(dim=1) == y
        fgsm_right, pgd_right = (
            find_robust_images(seen, first, x, y, threat=threat, steps=n_steps, step_size=size)
            & clean
            for first, n_steps, size in ((x, 1, threat.eps), (start, steps, length))
        )
        one = fgsm.perturb(inner(seen, x, y), x, y, threat=threat)
    several = run_pgd(model, x, y, threat=threat, rng=state, steps=steps, step_size=step_size)
    right = {"clean": clean, "fgsm": fgsm_right, "pgd": pgd_right}
    found = {f"{name}_accuracy": each.to(x.dtype) for name, each in right.items()}
    found["accuracy_gap"] = found["fgsm_accuracy"] - found["pgd_accuracy"]
    return found | {"step_cosine": cosine_similarity(one - x, several - x)}
