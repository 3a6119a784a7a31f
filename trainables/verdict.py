"""Which images a network withstands an attack on, found chunk by chunk and kept in between."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Generator, Tensor
from torch.nn import Module

from trainables.images import Images
from trainables.modes import frozen, in_mode
from trainables.passes import Pass
from trainables.precision import in_full
from trainables.threat import Threat
from trainables.view import quick

SLACK = 1e-6
"""By how much rounding may carry a perturbation past eps: some ten units in the last place at 1."""


@dataclass
class Verdict:
    """How far an attack has come.

    Attributes:
        attacked: Which images (N,) it is made on.
        standing: Which of them (N,) have withstood it so far.
        tried: Which (N,) the current pass is done with.
        number: Of the current pass; as many as there are once all is done.
        rejected: Wrong answers outside the budget or the pixel range, which count for nothing.
        seconds: Spent so far.
        batch: Images at a time, fewer once memory has run out.
    """

    attacked: Tensor
    standing: Tensor = field(init=False)
    tried: Tensor = field(init=False)
    number: int = 0
    rejected: int = 0
    seconds: float = 0.0
    batch: int = 0

    def __post_init__(self) -> None:
        self.standing = self.attacked.clone()
        self.tried = torch.zeros_like(self.attacked)

    def save(self, path: Path) -> None:
        """Write to a file, whole or not at all."""
        about = {k: str(getattr(self, k)) for k in ("number", "rejected", "seconds", "batch")}
        rows = {k: getattr(self, k) for k in ("attacked", "standing", "tried")}
        new = path.with_name(f".{path.name}")
        new.write_bytes(save(rows, metadata=about))
        new.replace(path)

    @staticmethod
    def load(path: Path) -> "Verdict":
        """Read what `save` wrote.

        Raises:
            ValueError: If the file is broken.
        """
        try:
            with safe_open(path, framework="pt") as opened:
                verdict = Verdict(opened.get_tensor("attacked"))
                verdict.standing = opened.get_tensor("standing")
                verdict.tried = opened.get_tensor("tried")
                about = {key: json.loads(text) for key, text in opened.metadata().items()}
        except (SafetensorError, OSError, TypeError) as error:
            raise ValueError(f"{path} is broken ({error}); remove it to attack anew.") from None
        for key, value in about.items():
            setattr(verdict, key, value)
        return verdict


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
                fooled, rejected = chunk(model, images, rows, attempt, threat, rng, mixed=mixed)
            except torch.OutOfMemoryError:
                if verdict.batch == 1:
                    raise
                torch.cuda.empty_cache()
                verdict.batch //= 2
                continue
            verdict.standing[rows[fooled]] = False
            verdict.tried[rows] = True
            verdict.rejected += rejected
            verdict.seconds += time.perf_counter() - start
            save(verdict, len(rows))


def seeded(seed: int, number: int, first: int) -> int:
    """Return the seed of the chunk that begins at image `first` in a pass."""
    return ((seed * 1_000_003 + number) * 1_000_003 + first) % 2**63


def chunk(
    model: Module,
    images: Images,
    rows: Tensor,
    attempt: Pass,
    threat: Threat,
    rng: Generator,
    *,
    mixed: bool,
) -> tuple[Tensor, int]:
    """Return which of `rows` are fooled (M,), and how many wrong answers were not allowed."""
    x, y = next(images.stream([rows.to(images.y.device)]))
    x = x.contiguous(memory_format=torch.channels_last)
    view = quick(model, mixed=mixed)
    points = attempt(view, x, y, threat=threat, rng=rng).detach()
    wrong, allowed = look(model, points, x, y, threat)
    proposed = look(view, points, x, y, threat)[0]
    if (again := proposed & ~wrong).any():  # the view and the network differ by rounding
        retried = attempt(model, x[again], y[again], threat=threat, rng=rng).detach()
        wrong[again], allowed[again] = look(model, retried, x[again], y[again], threat)
    return (wrong & allowed).cpu(), int((wrong & ~allowed).sum())


@torch.no_grad()
def look(
    model: Module, points: Tensor, x: Tensor, y: Tensor, threat: Threat
) -> tuple[Tensor, Tensor]:
    """Return where the network is wrong (N,), and which points are allowed (N,)."""
    inside = threat.size(points - x) <= threat.eps + SLACK
    boxed = ((points >= 0) & (points <= 1)).flatten(1).all(dim=1)
    return model(points).argmax(dim=1) != y, inside & boxed


@torch.no_grad()
def correct(model: Module, images: Images, batch: int) -> Tensor:
    """Return which images (N,) the network, in fp32 and eval mode, classifies correctly."""
    parts = torch.arange(len(images), device=images.y.device).split(batch)
    with in_mode(model, "eval"), in_full(model):
        right = [model(x).argmax(dim=1) == y for x, y in images.stream(parts)]
    return torch.cat(right).cpu()
