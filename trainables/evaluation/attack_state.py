"""Which images a network withstands an attack on, found chunk by chunk and kept in between."""

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
"""By how much rounding may carry a perturbation past eps: some ten units in the last place at 1."""
MASK_NAMES = ("attacked", "standing", "tried", "hit")


@dataclass(frozen=True)
class AttackMetadata:
    """What is kept of a verdict besides its masks, each as JSON."""

    aimed: Json[bool]
    number: Json[NonNegativeInt]
    rejected: Json[NonNegativeInt]
    seconds: Json[NonNegativeFloat]
    batch: Json[NonNegativeInt]


@dataclass
class AttackState:
    """How far an attack has come.

    Attributes:
        attacked: Which images (N,) it is made on.
        robust_mask: Which of them (N,) have withstood it so far.
        tried: Which (N,) the current pass is done with.
        hit: Which (N,) have been taken for the class that a pass aimed at.
        aimed: Whether a pass aimed at any.
        number: Of the current pass; as many as there are once all is done.
        rejected: Wrong answers outside the budget or the pixel range, which count for nothing.
        seconds: Spent so far.
        batch: Images at a time, fewer once memory has run out.
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
        """Write to a file, whole or not at all."""
        about = {k: json.dumps(getattr(self, k)) for k in AttackMetadata.__annotations__}
        rows = {k: getattr(self, k) for k in MASK_NAMES}
        new = path.with_name(f".{path.name}.{os.getpid()}")  # two processes may write the same
        new.write_bytes(save(rows, metadata=about))
        new.replace(path)

    @staticmethod
    def load(path: Path, attacked: Tensor) -> "AttackState":
        """Read what `save` wrote of an attack on the images `attacked` (N,).

        Raises:
            ValueError: If the file is broken.
        """
        try:
            with safe_open(path, framework="pt") as opened:
                masks = {key: opened.get_tensor(key) for key in MASK_NAMES}
                about = TypeAdapter(AttackMetadata).validate_python(opened.metadata() or {})
            flaw = mask_error(masks, attacked)
        except ValidationError as error:
            wrong = error.errors()[0]
            flaw = f"{wrong['loc'][0]}: {wrong['msg']}"
        except (SafetensorError, OSError) as error:
            flaw = str(error)
        if flaw:
            raise ValueError(f"{path} is broken ({flaw}); remove it to attack anew.")
        verdict = AttackState(attacked)
        for key, value in (masks | vars(about)).items():
            setattr(verdict, key, value)
        return verdict


def mask_error(masks: Mapping[str, Tensor], attacked: Tensor) -> str | None:
    """Return what is wrong with the masks of an attack on the images `attacked` (N,), if it is."""
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
    """Make every pass of an attack that has not been made.

    An image is done with once it is fooled; the rest are packed into full batches anew. What the
    attack proposes counts only if it is allowed and the network itself, in fp32, is wrong on it.

    Args:
        model: Images to logits, in eval mode.
        images: All that are evaluated on, N of them.
        attempts: The attack.
        state: What is known; kept up to date.
        threat: The set of allowed perturbations.
        seed: Of all chance; each chunk of each pass has its own.
        save: Called after every chunk, with its size.
        mixed: Whether to attack in bf16; what fp32 does not confirm is attacked again in fp32.

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
                found = attack_chunk(model, images, rows, attempt, threat, rng, mixed=mixed)
            except torch.OutOfMemoryError:
                if state.batch == 1:
                    raise
                torch.cuda.empty_cache()
                state.batch //= 2
                continue
            state.robust_mask[rows[found.misclassified]] = False
            state.tried[rows] = True
            state.rejected += found.rejected
            if found.hit_target is not None:
                state.aimed = True
                state.hit[rows[found.hit_target]] = True
            state.seconds += time.perf_counter() - start
            save(state, len(rows))


def chunk_seed(seed: int, number: int, first: int) -> int:
    """Return the seed of the chunk that begins at image `first` in a pass."""
    return ((seed * 1_000_003 + number) * 1_000_003 + first) % 2**63


class ChunkResult(NamedTuple):
    """What a pass came to on a chunk of images.

    Attributes:
        misclassified: Which (M,) are misclassified.
        hit_target: Which (M,) are taken for the class aimed at; none if the pass aimed at none.
        rejected: How many wrong answers were not allowed.
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
    """Return what a pass comes to on the images `rows` (M,)."""
    x, y = next(images.stream([rows.to(images.y.device)]))
    x = x.contiguous(memory_format=torch.channels_last)
    view = folded_view(model, mixed=mixed)
    points, target = unpack_attempt(attempt(view, x, y, threat=threat, rng=rng))
    answers = predict(model, points)
    wrong, proposed = answers != y, predict(view, points) != y
    if (again := proposed & ~wrong).any():  # the view and the network differ by rounding
        retried, aim = unpack_attempt(attempt(model, x[again], y[again], threat=threat, rng=rng))
        points[again], answers[again] = retried, predict(model, retried)
        wrong = answers != y
        if target is not None and aim is not None:
            target[again] = aim
    allowed = allowed_mask(points, x, threat)
    return ChunkResult(
        misclassified=(wrong & allowed).cpu(),
        hit_target=None if target is None else ((answers == target) & allowed).cpu(),
        rejected=int((wrong & ~allowed).sum()),
    )


def unpack_attempt(attempts: Tensor | TargetedAttempt) -> tuple[Tensor, Tensor | None]:
    """Return attempts, and the classes (N,) that they aim at if any."""
    points, target = attempts if isinstance(attempts, TargetedAttempt) else (attempts, None)
    return points.detach(), target


@torch.no_grad()
def predict(model: Module, points: Tensor) -> Tensor:
    """Return the class (N,) that a network takes each point for."""
    found: Tensor = model(points).argmax(dim=1)
    return found


def allowed_mask(points: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """Return which points (N,) are allowed."""
    boxed = ((points >= 0) & (points <= 1)).flatten(1).all(dim=1)
    return (threat.norm(points - x) <= threat.eps + EPS_TOLERANCE) & boxed


@torch.no_grad()
def correct_mask(model: Module, images: Images, batch: int) -> Tensor:
    """Return which images (N,) the network, in fp32 and eval mode, classifies correctly."""
    parts = torch.arange(len(images), device=images.y.device).split(batch)
    with in_mode(model, "eval"), full_precision(model):
        right = [model(x).argmax(dim=1) == y for x, y in images.stream(parts)]
    return torch.cat(right).cpu()
