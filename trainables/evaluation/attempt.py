"""The attempts that an evaluation attack consists of, and how they are run chunk by chunk."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.data_pipeline.images import Images
from trainables.evaluation.attack_state import AttackState
from trainables.networks.folded_view import graphed_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.networks.precision import full_precision
from trainables.threat import Threat

EPS_TOLERANCE = 1e-6
"""Rounding error allowed beyond eps, times eps if that is above 1: ten units in the last place."""


class TargetedAttempt(NamedTuple):
    """Attempts, each with a target class.

    Attributes:
        points: The attempts, shaped as the images.
        target: The target class (N,) of each.
    """

    points: Tensor
    target: Tensor


class AttackAttempt(Protocol):
    """A function that makes one attempt for each image."""

    def __call__(
        self, model: Module, x: Tensor, y: Tensor, *, threat: Threat, rng: Generator
    ) -> Tensor | TargetedAttempt:
        """Return attempts, shaped as `x`; with target classes if the hits are to be counted.

        Args:
            model: Images (N, C, H, W) in [0, 1] to logits (N, K); in eval mode and frozen.
            x: Images (N, C, H, W) that are classified correctly.
            y: Their labels (N,).
            threat: The set of allowed perturbations.
            rng: Source of random numbers.
        """
        ...


def run_attack(
    model: Module,
    images: Images,
    attempts: Sequence[AttackAttempt],
    state: AttackState,
    *,
    threat: Threat,
    seed: int,
    save: Callable[[AttackState, int], None],
    mixed: bool = False,
) -> None:
    """Run the attempts of an attack that `state` does not contain yet.

    A misclassified image is not attacked again; the others are packed into full batches. A point
    counts only if it is allowed and the network itself, in fp32, misclassifies it.

    Args:
        model: Images to logits, in eval mode.
        images: The N evaluated images.
        attempts: The attempts of the attack, in order.
        state: The progress so far; updated in place.
        threat: The set of allowed perturbations.
        seed: Seed of the attack; the seed of each chunk is derived from it.
        save: Called after every chunk with the state and the chunk's size.
        mixed: Whether to attack in bf16; images without a confirmed point are attacked again in
            fp32.

    Raises:
        OutOfMemoryError: If not even one image fits.
    """
    with in_mode(model, "eval"), frozen_weights(model):
        while state.number < len(attempts):
            rows = (state.robust_mask & ~state.tried).nonzero()[: state.batch, 0]
            if not len(rows):
                state.number += 1
                state.tried.zero_()
                continue
            start = time.perf_counter()
            rng = Generator(images.y.device).manual_seed(
                chunk_seed(seed, state.number, int(rows[0]))
            )
            attempt = attempts[state.number]
            try:
                result = attack_chunk(model, images, rows, attempt, threat, rng, mixed=mixed)
            except torch.OutOfMemoryError:
                if state.batch == 1:
                    raise
                torch.cuda.empty_cache()
                state.batch //= 2
                continue
            state.robust_mask[rows[result.misclassified]] = False
            state.tried[rows] = True
            state.rejected += result.rejected
            if result.hit_target is not None:
                state.aimed = True
                state.hit[rows[result.hit_target]] = True
            state.seconds += time.perf_counter() - start
            save(state, len(rows))


def chunk_seed(seed: int, number: int, first: int) -> int:
    """Return the seed of the chunk that starts at image `first` of an attempt."""
    return ((seed * 1_000_003 + number) * 1_000_003 + first) % 2**63


class ChunkResult(NamedTuple):
    """The result of an attempt on a chunk of M images.

    Attributes:
        misclassified: Mask (M,) of the misclassified images.
        hit_target: Mask (M,) of those classified as their target; `None`: no target.
        rejected: Number of misclassified points that are not allowed.
    """

    misclassified: Tensor
    hit_target: Tensor | None
    rejected: int


def attack_chunk(
    model: Module,
    images: Images,
    rows: Tensor,
    attempt: AttackAttempt,
    threat: Threat,
    rng: Generator,
    *,
    mixed: bool,
) -> ChunkResult:
    """Return the result of an attempt on the images `rows` (M,)."""
    x, y = next(images.stream([rows.to(images.y.device)]))
    x = x.contiguous(memory_format=torch.channels_last)
    view = graphed_view(model, mixed=mixed)
    points, target = unpack_attempt(attempt(view, x, y, threat=threat, rng=rng))
    classes = predict(model, points)
    wrong, proposed = classes != y, predict(view, points) != y
    if (again := proposed & ~wrong).any():  # the view and the network differ by rounding
        retried, new_target = unpack_attempt(
            attempt(model, x[again], y[again], threat=threat, rng=rng)
        )
        points[again], classes[again] = retried, predict(model, retried)
        wrong = classes != y
        if target is not None and new_target is not None:
            target[again] = new_target
    allowed = allowed_mask(points, x, threat)
    return ChunkResult(
        misclassified=(wrong & allowed).cpu(),
        hit_target=None if target is None else ((classes == target) & allowed).cpu(),
        rejected=int((wrong & ~allowed).sum()),
    )


def unpack_attempt(attempts: Tensor | TargetedAttempt) -> tuple[Tensor, Tensor | None]:
    """Return points, and their target classes (N,) or `None`."""
    points, target = attempts if isinstance(attempts, TargetedAttempt) else (attempts, None)
    return points.detach(), target


@torch.no_grad()
def predict(model: Module, points: Tensor) -> Tensor:
    """Return the class (N,) that a network predicts for each point."""
    classes: Tensor = model(points).argmax(dim=1)
    return classes


def allowed_mask(points: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """Return which points (N,) are within the ball and in [0, 1]."""
    in_range = ((points >= 0) & (points <= 1)).flatten(1).all(dim=1)
    # the l1 norm is a sum over all pixels, whose errors grow with it
    tolerance = EPS_TOLERANCE * max(1.0, threat.eps)
    return (threat.norm(points - x) <= threat.eps + tolerance) & in_range


@torch.no_grad()
def correct_mask(model: Module, images: Images, batch: int) -> Tensor:
    """Return which images (N,) the network, in fp32 and eval mode, classifies correctly."""
    parts = torch.arange(len(images), device=images.y.device).split(batch)
    with in_mode(model, "eval"), full_precision(model):
        correct = [model(x).argmax(dim=1) == y for x, y in images.stream(parts)]
    return torch.cat(correct).cpu()
