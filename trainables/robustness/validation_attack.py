"""The validation attack (the group `exam`), the same for every trial of a study."""

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.accuracy import Accuracies, compute_accuracies
from trainables.attacks import pgd
from trainables.data_pipeline.images import Images
from trainables.hparams.ranges import Count, Positive
from trainables.networks.folded_view import graphed_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.networks.precision import full_precision, is_reduced
from trainables.robustness.early_stopped_attack import find_robust_images
from trainables.threat import Threat

START_SEED = 0
"""Seed of the random starts: each image has the same start in every epoch of every trial."""


def measure_accuracies(
    model: Module,
    images: Images,
    *,
    threat: Threat,
    steps: Count = 10,
    step_size: Positive | None = None,
    restarts: Count = 1,
    exam_batch: Count = 250,
) -> Accuracies:
    """Return the accuracies on `images` without an attack and under PGD.

    The attack maximises cross-entropy in eval mode, in the precision of training. An image counts
    as misclassified only where the network in fp32 misclassifies it. The attack stops for an image
    once that is misclassified, clean or at any point of any restart.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        images: The validation split.
        threat: The set of allowed perturbations.
        steps: Steps of the attack.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.
        restarts: Independent attacks; the strongest counts.
        exam_batch: Images attacked at once.
    """
    rng = Generator(images.y.device).manual_seed(START_SEED)
    length = pgd.step_length(step_size, threat)
    clean_masks, robust_masks = list[Tensor](), list[Tensor]()
    with in_mode(model, "eval"), frozen_weights(model):
        attacked, reduced = graphed_view(model), is_reduced(model)
        exact = graphed_view(model, mixed=False) if reduced else attacked

        def predict(x: Tensor) -> Tensor:
            with torch.no_grad(), full_precision(model):
                classes: Tensor = exact(x).argmax(dim=1)
            return classes

        for first in range(0, len(images), exam_batch):
            batch = images[first : first + exam_batch]
            x, y = batch.x.float() / 255, batch.y
            clean = predict(x) == y
            robust = clean.clone()
            for _ in range(restarts):
                start = threat.project(threat.random_point(x, rng), x)
                rows = robust.nonzero()[:, 0]
                robust[rows] = find_robust_images(
                    attacked,
                    start[rows],
                    x[rows],
                    y[rows],
                    threat=threat,
                    steps=steps,
                    step_size=length,
                    exact_classes=predict if reduced else None,
                )
            clean_masks.append(clean)
            robust_masks.append(robust)
    return compute_accuracies(torch.cat(clean_masks), torch.cat(robust_masks), images.y)
