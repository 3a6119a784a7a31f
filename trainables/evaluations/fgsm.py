"""One step of length eps from the image (Goodfellow et al., 2015, arXiv:1412.6572)."""

from torch import Generator, Tensor
from torch.nn import Module

from trainables.evaluation.attempt import AttackAttempt
from trainables.evaluations import pgd
from trainables.threat import Threat


def passes() -> list[AttackAttempt]:
    """Return the only attempt."""
    return [run]


def run(model: Module, x: Tensor, y: Tensor, *, threat: Threat, rng: Generator) -> Tensor:
    """Return the images after the step."""
    return pgd.run(model, x, y, threat=threat, rng=rng, steps=1, step_size=threat.eps, start="zero")
