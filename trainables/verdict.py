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

from trainables.images import Images
from trainables.modes import frozen, in_mode
from trainables.passes import Aimed, Pass
from trainables.precision import in_full
from trainables.threat import Threat
from trainables.view import quick

SLACK = 1e-6
"""By how much rounding may carry a perturbation past eps: some ten units in the last place at 1."""
MASKS = ("attacked", "standing", "tried", "hit")


@dataclass(frozen=True)
class Numbers:
    """What is kept of a verdict besides its masks, each as JSON."""

    aimed: Json[bool]
    number: Json[NonNegativeInt]
    rejected: Json[NonNegativeInt]
    seconds: Json[NonNegativeFloat]
    batch: Json[NonNegativeInt]


@dataclass
class Verdict:
    """How far an attack has come.

    Attributes:
        attacked: Which images (N,) it is made on.
        standing: Which of them (N,) have withstood it so far.
        tried: Which (N,) the current pass is done with.
        hit: Which (N,) have been taken for the class that a pass aimed at.
        aimed: Whether a pass aimed at any.
        number: Of the current pass; as many as there are once all is done.
        rejected: Wrong answers outside the budget or the pixel range, which count for nothing.
        seconds: Spent so far.
        batch: Images at a time, fewer once memory has run out.
    """

    attacked: Tensor
    standing: Tensor = field(init=False)
    tried: Tensor = field(init=False)
    hit: Tensor = field(init=False)
    aimed: bool = False
    number: int = 0
    rejected: int = 0
    seconds: float = 0.0
    batch: int = 0

    def __post_init__(self) -> None:
        self.standing = self.attacked.clone()
        self.tried = torch.zeros_like(self.attacked)
        self.hit = torch.zeros_like(self.attacked)

    def save(self, path: Path) -> None:
        """Write to a file, whole or not at all."""
        about = {k: json.dumps(getattr(self, k)) for k in Numbers.__annotations__}
        rows = {k: getattr(self, k) for k in MASKS}
        new = path.with_name(f".{path.name}.{os.getpid()}")  # two processes may write the same
        new.write_bytes(save(rows, metadata=about))
        new.replace(path)

    @staticmethod
    def load(path: Path, attacked: Tensor) -> "Verdict":
        """Read what `save` wrote of an attack on the images `attacked` (N,).

        Raises:
            ValueError: If the file is broken.
        """
        try:
            with safe_open(path, framework="pt") as opened:
                masks = {key: opened.get_tensor(key) for key in MASKS}
                about = TypeAdapter(Numbers).validate_python(opened.metadata() or {})
            flaw = inconsistent(masks, attacked)
        except ValidationError as error:
            wrong = error.errors()[0]
            flaw = f"{wrong['loc'][0]}: {wrong['msg']}"
        except (SafetensorError, OSError) as error:
            flaw = str(error)
        if flaw:
            raise ValueError(f"{path} is broken ({flaw}); remove it to attack anew.")
        verdict = Verdict(attacked)
        for key, value in (masks | vars(about)).items():
            setattr(verdict, key, value)
        return verdict


def inconsistent(masks: Mapping[str, Tensor], attacked: Tensor) -> str | None:
    """Return what is wrong with the masks of an attack on the images `attacked` (N,), if it is."""
    for name, mask in masks.items():
        if mask.dtype != torch.bool or mask.shape != attacked.shape:
            got = f"{mask.dtype} {tuple(mask.shape)}"
            return f"{name}: must be torch.bool {tuple(attacked.shape)}, got {got}"
        if (mask & ~attacked).any():
            return f"{name}: has images that are not attacked"
    return None if masks["attacked"].equal(attacked) else "attacked: lacks images"


def judge(
    model: Module,
    images: Images,
    passes: Sequence[Pass],
    verdict: Verdict,
    *,
    threat: Threat,
    seed: int,
    save: Callable[[Verdict, int], None],
    mixed: bool = False,
) -> None:
    """Make every pass of an attack that has not been made.

    An image is done with once it is fooled; the rest are packed into full batches anew. What the
    attack proposes counts only if it is allowed and the network itself, in fp32, is wrong on it.

    Args:
        model: Images to logits, in eval mode.
        images: All that are evaluated on, N of them.
        passes: The attack.
        verdict: What is known; kept up to date.
        threat: The set of allowed perturbations.
        seed: Of all chance; each chunk of each pass has its own.
        save: Called after every chunk, with its size.
        mixed: Whether to attack in bf16; what fp32 does not confirm is attacked again in fp32.

    Raises:
        OutOfMemoryError: If not even one image fits.
    """
    with in_mode(model, "eval"), frozen(model):
        while verdict.number < len(passes):
            rows = (verdict.standing & ~verdict.tried).nonzero()[: verdict.batch, 0]
            if not len(rows):
                verdict.number += 1
                verdict.tried.zero_()
                continue
            start = time.perf_counter()
            rng = Generator(images.y.device).manual_seed(seeded(seed, verdict.number, int(rows[0])))
            attempt = passes[verdict.number]
            try:
                found = chunk(model, images, rows, attempt, threat, rng, mixed=mixed)
            except torch.OutOfMemoryError:
                if verdict.batch == 1:
                    raise
                torch.cuda.empty_cache()
                verdict.batch //= 2
                continue
            verdict.standing[rows[found.fooled]] = False
            verdict.tried[rows] = True
            verdict.rejected += found.rejected
            if found.hit is not None:
                verdict.aimed = True
                verdict.hit[rows[found.hit]] = True
            verdict.seconds += time.perf_counter() - start
            save(verdict, len(rows))


def seeded(seed: int, number: int, first: int) -> int:
    """Return the seed of the chunk that begins at image `first` in a pass."""
    return ((seed * 1_000_003 + number) * 1_000_003 + first) % 2**63


class Found(NamedTuple):
    """What a pass came to on a chunk of images.

    Attributes:
        fooled: Which (M,) are misclassified.
        hit: Which (M,) are taken for the class aimed at; none if the pass aimed at none.
        rejected: How many wrong answers were not allowed.
    """

    fooled: Tensor
    hit: Tensor | None
    rejected: int


def chunk(
    model: Module,
    images: Images,
    rows: Tensor,
    attempt: Pass,
    threat: Threat,
    rng: Generator,
    *,
    mixed: bool,
) -> Found:
    """Return what a pass comes to on the images `rows` (M,)."""
    x, y = next(images.stream([rows.to(images.y.device)]))
    x = x.contiguous(memory_format=torch.channels_last)
    view = quick(model, mixed=mixed)
    points, target = aims(attempt(view, x, y, threat=threat, rng=rng))
    answers = answered(model, points)
    wrong, proposed = answers != y, answered(view, points) != y
    if (again := proposed & ~wrong).any():  # the view and the network differ by rounding
        retried, aim = aims(attempt(model, x[again], y[again], threat=threat, rng=rng))
        points[again], answers[again] = retried, answered(model, retried)
        wrong = answers != y
        if target is not None and aim is not None:
            target[again] = aim
    allowed = within(points, x, threat)
    return Found(
        fooled=(wrong & allowed).cpu(),
        hit=None if target is None else ((answers == target) & allowed).cpu(),
        rejected=int((wrong & ~allowed).sum()),
    )


def aims(attempts: Tensor | Aimed) -> tuple[Tensor, Tensor | None]:
    """Return attempts, and the classes (N,) that they aim at if any."""
    points, target = attempts if isinstance(attempts, Aimed) else (attempts, None)
    return points.detach(), target


@torch.no_grad()
def answered(model: Module, points: Tensor) -> Tensor:
    """Return the class (N,) that a network takes each point for."""
    found: Tensor = model(points).argmax(dim=1)
    return found


def within(points: Tensor, x: Tensor, threat: Threat) -> Tensor:
    """Return which points (N,) are allowed."""
    boxed = ((points >= 0) & (points <= 1)).flatten(1).all(dim=1)
    return (threat.size(points - x) <= threat.eps + SLACK) & boxed


@torch.no_grad()
def correct(model: Module, images: Images, batch: int) -> Tensor:
    """Return which images (N,) the network, in fp32 and eval mode, classifies correctly."""
    parts = torch.arange(len(images), device=images.y.device).split(batch)
    with in_mode(model, "eval"), in_full(model):
        right = [model(x).argmax(dim=1) == y for x, y in images.stream(parts)]
    return torch.cat(right).cpu()
