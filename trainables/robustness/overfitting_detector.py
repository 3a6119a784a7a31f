"""The detector of catastrophic overfitting (the group `sentinel`).

A network that is trained against a one-step attack can bend its loss so that the step has no
effect. Accuracy under PGD then falls to 0 within some hundred updates (Wong et al.,
arXiv:2001.03994; Andriushchenko and Flammarion, arXiv:2007.02617).

FGSM and PGD attack the same training images: with PGD on held-out images, robust overfitting alone
makes a gap of 58 points (the FGSM runs of Rice et al., arXiv:2002.11569). On MNIST at 0.3 and
CIFAR-10 at 8/255 and 16/255, small networks that learned kept at least half of FGSM's accuracy
under PGD, except in single checks (down to 0.22). Networks that collapsed kept less than a quarter,
and soon 0. By default a check takes as long as eleven updates of FGSM-RS on MNIST with batches of
50, which adds 4.4 % to training; an average costs as much again.

A collapse need not be the end. An average, which is what is saved, survives one for a while, or
catches up later; and some methods start with a low accuracy under PGD. So a trial ends only if what
is saved has fallen below its own best. `benchmarks/collapses.py` replays this on the 63 runs of
FastAT_Benchmark (arXiv:2604.22853) and the FGSM runs of Rice et al.
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.data_pipeline.images import Images
from trainables.hparams.ranges import Count, FractionBelowOne, Natural, OpenFraction
from trainables.networks.folded_view import graphed_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.networks.precision import full_precision
from trainables.robustness.early_stopped_attack import find_robust_images
from trainables.threat import Threat

SAMPLE_SEED = 0
"""Seed of the choice of images and of the random starts, the same for every check and trial."""
MIN_FGSM_ACCURACY = 0.1
"""Accuracy under FGSM below which no check decides: that of random guessing with ten classes."""
MIN_BEST_ACCURACY = 0.1
"""Accuracy under PGD that what is saved must have had to fall from it: that of random guessing."""
CATCHING_UP = 0.5
"""Share of the trained network's best that an average must have had to fall from it."""
FIRST_COLLAPSE, BEST = "collapse seen at", "best of the collapse checks"
"""Keys of `memory`: the update of the first check that found a collapse; the best accuracies under
PGD of the trained network and of what is saved, (2,)."""
FORMER_VALUES = {"fallen": 0.0}


@dataclass(frozen=True, kw_only=True)
class Check:
    """Accuracies on the training images to check.

    Attributes:
        fgsm: Of the trained network under FGSM.
        pgd: Of the trained network under PGD.
        kept: Of what is saved, the trained network or an average, under PGD.
    """

    fgsm: float
    pgd: float
    kept: float


def is_collapse(
    check: Check, *, best_pgd: float, best_kept: float, share: float, fallen: float
) -> bool:
    """Return whether a check finds a collapse from which what is saved has not recovered.

    An average that has never been as good as the trained network still gains from the networks
    before the collapse, and sometimes from those after it, unless it has lost nearly all.

    Args:
        check: The accuracies.
        best_pgd: Highest `pgd` so far, this check included.
        best_kept: Highest `kept` so far, this check included.
        share: See `detect_collapse`.
        fallen: See `detect_collapse`.
    """
    if check.fgsm < MIN_FGSM_ACCURACY or check.pgd >= share * check.fgsm:
        return False
    if not fallen:
        return True
    if best_kept < MIN_BEST_ACCURACY or check.pgd >= fallen * best_pgd:
        return False
    if best_kept >= best_pgd:
        return check.kept < fallen * best_kept
    return best_kept >= CATCHING_UP * best_pgd and check.kept < share * best_kept


def select_images(train: Images, *, images: Count = 256) -> tuple[Tensor, Tensor]:
    """Return the training images to check, not augmented: pixels (N, C, H, W) and labels (N,).

    Args:
        train: The training split.
        images: Number of images; all if the split has fewer.
    """
    order = torch.randperm(len(train), generator=Generator().manual_seed(SAMPLE_SEED))
    sample = train[order[:images].to(train.y.device)]
    return sample.x.float() / 255, sample.y


def detect_collapse(
    model: Module,
    kept: Module,
    detector_images: tuple[Tensor, Tensor],
    *,
    threat: Threat,
    memory: dict[str, Tensor],
    step: int,
    every: Natural = 250,
    pgd_steps: Count = 5,
    share: OpenFraction = 0.25,
    fallen: FractionBelowOne = 0.9,
) -> int:
    """Return the update of the first of two consecutive checks that find a collapse.

    A check finds a collapse if few of the images robust to one step are robust to several, and what
    is saved is below its own best. One check does not suffice, because networks can recover (Li et
    al., arXiv:2006.03089).

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        kept: The network that is validated and saved: `model`, or an average.
        detector_images: Images (N, C, H, W) in [0, 1] and labels (N,).
        threat: The ball of the last update. During a warm-up of eps it is smaller than the full
            ball, to which no network is robust before it has been trained against it.
        memory: Keeps the update of the first of the two checks, and the best accuracies.
        step: Updates since the start of training.
        every: Updates between two checks; 0: no check.
        pgd_steps: Steps of PGD, of eps/2 each, from a random start.
        share: A collapse is an accuracy under PGD below this share of that under FGSM.
        fallen: What is saved must be below this share of its best accuracy under PGD. 0: it does
            not matter; the trained network alone decides.

    Returns:
        Updates since the start of training; 0 without a collapse.
    """
    if not every or step % every:
        return 0
    fgsm, pgd = fgsm_pgd_accuracies(model, *detector_images, threat=threat, steps=pgd_steps)
    kept_pgd = pgd
    if fallen and kept is not model:
        _, kept_pgd = fgsm_pgd_accuracies(kept, *detector_images, threat=threat, steps=pgd_steps)
    best = memory.setdefault(BEST, torch.zeros(2, dtype=torch.float64))
    # in place: a CUDA graph is discarded if a tensor of the memory is replaced
    best.copy_(best.maximum(best.new_tensor([pgd, kept_pgd])))
    best_pgd, best_kept = best.tolist()
    check = Check(fgsm=fgsm, pgd=pgd, kept=kept_pgd)
    if not is_collapse(check, best_pgd=best_pgd, best_kept=best_kept, share=share, fallen=fallen):
        memory.pop(FIRST_COLLAPSE, None)
    elif FIRST_COLLAPSE in memory:
        return int(memory[FIRST_COLLAPSE])
    else:
        memory[FIRST_COLLAPSE] = torch.tensor(step)
    return 0


def fgsm_pgd_accuracies(
    model: Module, x: Tensor, y: Tensor, *, threat: Threat, steps: int
) -> tuple[float, float]:
    """Return the fractions of images classified correctly under FGSM, and under FGSM and PGD.

    Both maximise cross-entropy in eval mode, in fp32. FGSM takes one step of eps from the image;
    PGD attacks the images robust to that step.

    Args:
        model: Images (N, C, H, W) in [0, 1] to logits (N, K).
        x: Images (N, C, H, W) in [0, 1].
        y: Labels (N,).
        threat: The set of allowed perturbations.
        steps: Steps of PGD.
    """
    rng = Generator(y.device).manual_seed(SAMPLE_SEED)
    start = threat.project(threat.random_point(x, rng), x)
    rows = torch.arange(len(y), device=y.device)
    counts = []
    with in_mode(model, "eval"), frozen_weights(model), full_precision(model):
        view = graphed_view(model)
        for first_point, n_steps, step_size in ((x, 1, threat.eps), (start, steps, threat.eps / 2)):
            robust = find_robust_images(
                view,
                first_point[rows],
                x[rows],
                y[rows],
                threat=threat,
                steps=n_steps,
                step_size=step_size,
            )
            rows = rows[robust]
            counts.append(len(rows))
    return counts[0] / len(y), counts[1] / len(y)
