"""The sentinel: whether a network has learned to fool the one step that it is trained against.

Where training attacks in one step, a network can learn to bend its loss so that the step leads
nowhere, and PGD's accuracy falls to nothing within some hundred updates: catastrophic overfitting
(Wong et al., arXiv:2001.03994; Andriushchenko and Flammarion, arXiv:2007.02617).

Both attacks see the same training images: FGSM on those and PGD on held-out ones come 58 points
apart by robust overfitting alone (FGSM's runs of Rice et al., arXiv:2002.11569). On MNIST at 0.3
and CIFAR-10 at 8/255 and 16/255, small networks that learned kept at least half of FGSM's accuracy
under PGD, but for single looks down to 0.22; those that collapsed kept less than a quarter, and
soon nothing. By default a look takes as long as eleven updates of FGSM-RS on MNIST in batches of
50, which adds 4.4 % to training.
"""

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.data_pipeline.images import Images
from trainables.hparams.ranges import Count, Natural, OpenFraction
from trainables.networks.folded_view import folded_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.networks.precision import full_precision
from trainables.robustness.early_stopped_attack import (
    cross_entropy_loss,
    run_early_stopped_attack,
    stop_when_misclassified,
)
from trainables.threat import Threat

SAMPLE_SEED = 0
"""Of the choice of images and of the random starts: the same in every look of every trial."""
MIN_FGSM_ACCURACY = 0.1
"""Accuracy under FGSM below which nothing is decided: that of chance among ten classes."""
FIRST_SEEN = "collapse seen at"
"""What `memory` calls the update of the first look."""


def select_images(train: Images, *, images: Count = 256) -> tuple[Tensor, Tensor]:
    """Return the training images to look at, not augmented: pixels (N, C, H, W) and labels (N,).

    Args:
        train: The training split.
        images: How many; all if there are fewer.
    """
    order = torch.randperm(len(train), generator=Generator().manual_seed(SAMPLE_SEED))
    some = train[order[:images].to(train.y.device)]
    return some.x.float() / 255, some.y


def detect_collapse(
    model: Module,
    detector_images: tuple[Tensor, Tensor],
    *,
    threat: Threat,
    memory: dict[str, Tensor],
    step: int,
    every: Natural = 250,
    pgd_steps: Count = 5,
    share: OpenFraction = 0.25,
) -> int:
    """Return the update after which `model` was first seen collapsed, once it is seen so again.

    It is seen collapsed if hardly any image that withstands one step withstands several. One look
    is not enough, because networks can recover by themselves (Li et al., arXiv:2006.03089).

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        detector_images: Images (N, C, H, W) in [0, 1] and labels (N,).
        threat: The ball that the last update trained against. While eps is warmed up it is smaller
            than the full one, which no network withstands before it has been trained against it.
        memory: Holds the update of the first of two looks.
        step: Updates since the start of training.
        every: Updates from one look to the next; 0 never looks.
        pgd_steps: Steps of PGD, of eps/2 each, from a random start.
        share: Accuracy under PGD, as a share of that under FGSM, below which it is a collapse.

    Returns:
        Updates since the start of training; 0 if it has not collapsed.
    """
    if not every or step % every:
        return 0
    one, several = fgsm_pgd_accuracies(model, *detector_images, threat=threat, steps=pgd_steps)
    if one < MIN_FGSM_ACCURACY or several >= share * one:
        memory.pop(FIRST_SEEN, None)
    elif FIRST_SEEN in memory:
        return int(memory[FIRST_SEEN])
    else:
        memory[FIRST_SEEN] = torch.tensor(step)
    return 0


def fgsm_pgd_accuracies(
    model: Module, x: Tensor, y: Tensor, *, threat: Threat, steps: int
) -> tuple[float, float]:
    """Return the fractions of images classified correctly under FGSM, and under FGSM and PGD.

    Both maximise cross-entropy in eval mode, in fp32. FGSM takes one step of eps from the image;
    PGD attacks what withstands that.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        x: Images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        threat: The set of allowed perturbations.
        steps: Steps of PGD.
    """
    rng = Generator(y.device).manual_seed(SAMPLE_SEED)
    start = threat.project(threat.random_point(x, rng), x)
    left = torch.arange(len(y), device=y.device)
    counts = []
    with in_mode(model, "eval"), frozen_weights(model), full_precision(model):
        seen = folded_view(model)
        for begin, number, length in ((x, 1, threat.eps), (start, steps, threat.eps / 2)):
            _, stands = run_early_stopped_attack(
                seen,
                cross_entropy_loss(y[left]),
                begin[left],
                x[left],
                stop_when_misclassified(y[left]),
                threat=threat,
                steps=number,
                step_size=length,
            )
            left = left[stands]
            counts.append(len(left))
    return counts[0] / len(y), counts[1] / len(y)
