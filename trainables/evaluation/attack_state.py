"""Run an attack chunk by chunk and keep which images are still robust."""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from pydantic import Json, NonNegativeFloat, NonNegativeInt, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Generator, Tensor
from torch.nn import Module

from trainables.data_pipeline.images import Images
from trainables.evaluation.attempt import AttackAttempt, TargetedAttempt
from trainables.networks.folded_view import folded_view
from trainables.networks.modes import frozen_weights, in_mode
from trainables.networks.precision import full_precision
from trainables.threat import Threat

EPS_TOLERANCE = 1e-6
"""Rounding error allowed beyond eps: about ten units in the last place at 1."""
MASKS = {"attacked": "attacked", "standing": "robust_mask", "tried": "tried", "hit": "hit"}
"""Name of a mask in a file to its attribute."""


@dataclass(frozen=True)
class AttackMetadata:
    """The metadata of a saved state, each as JSON."""

    aimed: Json[bool]
    number: Json[NonNegativeInt]
    rejected: Json[NonNegativeInt]
    seconds: Json[NonNegativeFloat]
    batch: Json[NonNegativeInt]


@dataclass
class AttackState:
    """The progress of an attack.

    Attributes:
        attacked: Mask (N,) of the images to attack.
        robust_mask: Mask (N,) of those that are still robust.
        tried: Mask (N,) of those that the current attempt has finished.
        hit: Mask (N,) of those that were classified as their target.
        aimed: Whether an attempt had target classes.
        number: Index of the current attempt; the number of attempts at the end.
        rejected: Number of misclassified points outside the ball or the pixel range; ignored.
        seconds: Time spent so far.
        batch: Images at a time; halved when memory runs out.
    """

    attacked: Tensor
    robust_mask: Tensor = field(init=False)
    tried: Tensor = field(init=False)
    hit: Tensor = field(init=False)
    aimed: bool = False
    number: int = 0
    rejected: int = 0
    seconds: float = 0.0
    batch: int = 0

    def __post_init__(self) -> None:
        self.robust_mask = self.attacked.clone()
        self.tried = torch.zeros_like(self.attacked)
        self.hit = torch.zeros_like(self.attacked)

    def save(self, path: Path) -> None:
        """Write to a file atomically."""
        metadata = {k: json.dumps(getattr(self, k)) for k in AttackMetadata.__annotations__}
        masks = {key: getattr(self, name) for key, name in MASKS.items()}
        new = path.with_name(f".{path.name}.{os.getpid()}")  # two processes may write the same file
        new.write_bytes(save(masks, metadata=metadata))
        new.replace(path)

    @staticmethod
    def load(path: Path, attacked: Tensor) -> "AttackState":
        """Read what `save` wrote of an attack on the images `attacked` (N,).

        Raises:
            ValueError: If the file is corrupt or of another attack.
        """
        try:
            with safe_open(path, framework="pt") as opened:
                masks = {key: opened.get_tensor(key) for key in MASKS}
                metadata = TypeAdapter(AttackMetadata).validate_python(opened.metadata() or {})
            problem = mask_error(masks, attacked)
        except ValidationError as error:
            first = error.errors()[0]
            problem = f"{first['loc'][0]}: {first['msg']}"
        except (SafetensorError, OSError) as error:
            problem = str(error)
        if problem:
            raise ValueError(f"{path} is corrupt ({problem}); remove it to restart the attack.")
        state = AttackState(attacked)
        for key, value in (masks | vars(metadata)).items():
            setattr(state, MASKS.get(key, key), value)
        return state


def mask_error(masks: Mapping[str, Tensor], attacked: Tensor) -> str | None:
    """Return what is wrong with the masks of an attack on the images `attacked` (N,), or `None`."""
    for name, mask in masks.items():
        if mask.dtype != torch.bool or mask.shape != attacked.shape:
            got = f"{mask.dtype} {tuple(mask.shape)}"
            return f"{name}: must be torch.bool {tuple(attacked.shape)}, got {got}"
        if (mask & ~attacked).any():
            return f"{name}: has images that are not attacked"
    return None if masks["attacked"].equal(attacked) else "attacked: lacks images"


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
    view = folded_view(model, mixed=mixed)
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
    return (threat.norm(points - x) <= threat.eps + EPS_TOLERANCE) & in_range


@torch.no_grad()
def correct_mask(model: Module, images: Images, batch: int) -> Tensor:
    """Return which images (N,) the network, in fp32 and eval mode, classifies correctly."""
    parts = torch.arange(len(images), device=images.y.device).split(batch)
    with in_mode(model, "eval"), full_precision(model):
        correct = [model(x).argmax(dim=1) == y for x, y in images.stream(parts)]
    return torch.cat(correct).cpu()
