"""The exam: how good a network is, by the same measure for every trial of a study."""

import torch
from torch import Generator
from torch.nn import Module

from trainables.attacks import pgd
from trainables.data_pipeline.images import Images
from trainables.hparams.ranges import Count, Positive
from trainables.networks.folded_view import folded_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.networks.precision import full_precision
from trainables.robustness.early_stopped_attack import (
    cross_entropy_loss,
    run_early_stopped_attack,
    stop_when_misclassified,
)
from trainables.threat import Threat

START_SEED = 0
"""Of the random starts: each image has the same one in every epoch of every trial."""


def measure_accuracies(
    model: Module,
    images: Images,
    *,
    threat: Threat,
    steps: Count = 10,
    step_size: Positive | None = None,
    restarts: Count = 1,
    exam_batch: Count = 250,
) -> tuple[float, float]:
    """Return the fractions of `images` classified correctly as they are and under PGD.

    The attack maximises cross-entropy in eval mode, in fp32 whatever a trial trains with. An image
    is done with once it is misclassified, as it is or at any point of any restart.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        images: What to examine on; the validation split.
        threat: The set of allowed perturbations.
        steps: Steps of the attack.
        step_size: Length of one step, in the units of eps; a quarter of eps if none.
        restarts: Independent attacks; the worst counts.
        exam_batch: Images attacked at once.
    """
    rng = Generator(images.y.device).manual_seed(START_SEED)
    size = pgd.step_length(step_size, threat)
    clean, robust = 0, 0
    with in_mode(model, "eval"), frozen_weights(model), full_precision(model):
        model = folded_view(model)
        for first in range(0, len(images), exam_batch):
            some = images[first : first + exam_batch]
            x, y = some.x.float() / 255, some.y
            with torch.no_grad():
                right = model(x).argmax(dim=1) == y
            clean += int(right.sum())
            for _ in range(restarts):
                start = threat.project(threat.random_point(x, rng), x)
                left = right.nonzero()[:, 0]
                _, right[left] = run_early_stopped_attack(
                    model,
                    cross_entropy_loss(y[left]),
                    start[left],
                    x[left],
                    stop_when_misclassified(y[left]),
                    threat=threat,
                    steps=steps,
                    step_size=size,
                )
            robust += int(right.sum())
    return clean / len(images), robust / len(images)
