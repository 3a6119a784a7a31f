"""The function types of methods, attacks, updates and criteria."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from types import NoneType
from typing import Protocol, get_type_hints

from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

AttackObjective = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Maps inputs (N, ...) to the values (N,) that an attack maximises and the logits (N, K)."""

Criterion = Callable[[Tensor, Tensor], Tensor]
"""Maps logits (N, K) and labels (N,) to the loss of each example, (N,)."""


class PassOrder(Enum):
    """Which images of a step go through the network first; BatchNorm weights the last ones most."""

    CLEAN_FIRST = "clean"
    ADVERSARIAL_FIRST = "adversarial"


@dataclass(kw_only=True)
class AttackStart:
    """The first point of the training attack, and the pass that it made there.

    The update `paired` fills it in, so that a loss can use this pass without another one. Its
    gradient with respect to the weights is that of the training loss.

    Attributes:
        point: Images (N, C, H, W); `None`: the update does not share the pass.
        logits: Their logits (N, K) in train mode, not detached; `None`, likewise.
    """

    point: Tensor | None = None
    logits: Tensor | None = None

    def or_clean(self, model: Module, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the point and its logits; the clean images `x` (N, ...) if there is none."""
        if self.point is None or self.logits is None:
            return x, model(x)
        return self.point, self.logits

    def clear(self) -> None:
        """Forget the pass, which frees its graph."""
        self.point = self.logits = None


class InnerObjective(Protocol):
    """The `inner` of a method."""

    def __call__(self, model: Module, x: Tensor, y: Tensor, /) -> AttackObjective | None:
        """Return the objective of the attack; `None`: the method does not attack."""
        ...


class OuterObjective(Protocol):
    """The `outer` of a method."""

    def __call__(self, model: Module, x: Tensor, x_adv: Tensor, y: Tensor, /) -> Tensor:
        """Return the training loss, a mean over the batch (scalar)."""
        ...


class Perturb(Protocol):
    """The `perturb` of an attack."""

    def __call__(self, objective: AttackObjective, x: Tensor, y: Tensor, /) -> Tensor:
        """Return adversarial images, shaped as `x`."""
        ...


class WeightUpdate(Protocol):
    """The `update` of an update."""

    def __call__(self, model: Module, optimizer: Optimizer, x: Tensor, y: Tensor, /) -> Tensor:
        """Update the weights once and return the loss (scalar)."""
        ...


@dataclass(frozen=True, kw_only=True)
class BoundMethod:
    """A training method whose knobs are set.

    Attributes:
        inner: Inner objective, which the attack maximises.
        outer: Outer objective, which training minimises.
        attacks: Whether the method attacks.
        whole_batch: Whether the loss is defined only on a whole batch.
        views: How often each image is in a batch, with other augmentations.
        name: Name of the file that defines `outer`.
    """

    inner: InnerObjective
    outer: OuterObjective
    attacks: bool = True
    whole_batch: bool = False
    views: int = 1
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class BoundAttack:
    """A training attack whose knobs are set.

    Attributes:
        perturb: The attack.
        gradient_steps: Number of its gradient steps. `None`: unknown.
        whole_batch: Whether it is defined only on a whole batch.
        name: Name of the file that defines `perturb`.
    """

    perturb: Perturb
    gradient_steps: int | None = None
    whole_batch: bool = False
    name: str = ""


def uses_attack(inner: Callable[..., object]) -> bool:
    """Return whether a method attacks: whether its `inner` is annotated to return an objective."""
    return get_type_hints(inner).get("return") is not NoneType
