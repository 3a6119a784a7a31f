"""PGD on another checkpoint, evaluated on this one (Papernot et al., 2016, arXiv:1605.07277)."""

from functools import partial

from torch import Generator, Tensor
from torch.nn import Module

from trainables.attacks import pgd as training
from trainables.evaluation.attempt import AttackAttempt
from trainables.hparams.ranges import Count, PathText, Positive
from trainables.methods import pgd_at
from trainables.networks.folded_view import folded_view
from trainables.networks.modes import frozen_weights
from trainables.threat import Threat
from trainables.training.checkpoint import load_model

NUMBERS = ("steps",)


def passes(
    *, source: PathText, steps: Count = 10, step_size: Positive | None = None
) -> list[AttackAttempt]:
    """Return the only attempt.

    Args:
        source: A folder with the weights to attack, for example another study's `best`.
        steps: Steps of the attack.
        step_size: Length of one step, in the units of eps; `None`: a quarter of eps.
    """
    return [partial(run, source=load_model(source), steps=steps, step_size=step_size)]


def run(
    model: Module,  # the caller evaluates the points on it
    x: Tensor,
    y: Tensor,
    *,
    threat: Threat,
    rng: Generator,
    source: Module,
    steps: int,
    step_size: float | None,
) -> Tensor:
    """Return the last points of the attack on the source."""
    source = source.to(x.device)
    with frozen_weights(source):
        objective = pgd_at.inner(folded_view(source), x, y)
        return training.perturb(
            objective, x, y, threat=threat, rng=rng, steps=steps, step_size=step_size
        )
