"""The components of a trial with their knobs set: one typed object for each group."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any, Protocol

from torch import Generator, Tensor
from torch.nn import Module, Parameter
from torch.optim import Optimizer

from trainables.accuracy import Accuracies
from trainables.data_pipeline.images import Batch, Dataset, Images, TrainingBatch
from trainables.networks.averaging import Average
from trainables.networks.teacher import Teacher
from trainables.protocols import BoundAttack, BoundMethod, Criterion, PassOrder, WeightUpdate
from trainables.threat import Threat


@dataclass(frozen=True)
class BoundMember:
    """A member of any group with its knobs set.

    Attributes:
        module: Its module; `None` for a group without a choice of members.
        functions: Its functions by name.
    """

    module: ModuleType | None
    functions: Mapping[str, partial[Any]]

    def __getitem__(self, name: str) -> partial[Any]:
        """Return a function."""
        return self.functions[name]

    @property
    def knobs(self) -> dict[str, object]:
        """The values of its knobs by name."""
        return {name: v for f in self.functions.values() for name, v in f.keywords.items()}


class ValidationAttack(Protocol):
    """The validation attack."""

    def __call__(self, model: Module, images: Images, /, *, threat: Threat) -> Accuracies:
        """Return the accuracies without an attack and under it."""
        ...


@dataclass(frozen=True, kw_only=True)
class BoundThreat:
    """The threat model.

    Attributes:
        build: Returns the threat model.
    """

    build: Callable[[], Threat]


@dataclass(frozen=True, kw_only=True)
class BoundData:
    """A data set, its validation split and augmentation.

    Attributes:
        load: Reads the data set.
        split_validation: Splits the training images into training and validation images.
        read_extra: Reads further training images.
        iterate_batches: Yields each image once, in random order, or mixes in further images.
        apply_policy: Returns images augmented by a policy.
        augment: Returns cropped and flipped images.
        apply_mixup: Returns mixed images and labels.
        batch_size: Images in a batch.
    """

    load: partial[Dataset]
    split_validation: Callable[[Images], tuple[Images, Images]]
    read_extra: partial[Images | None]
    iterate_batches: Callable[[Images, Generator, Images | None], Iterator[TrainingBatch]]
    apply_policy: Callable[[Tensor, Generator], Tensor]
    augment: Callable[[Tensor, Generator], Tensor]
    apply_mixup: Callable[[Tensor, Tensor, Generator], Batch]
    batch_size: int


@dataclass(frozen=True, kw_only=True)
class BoundModel:
    """A network.

    Attributes:
        build: Returns the network for images of a shape (C, H, W) and a number of classes.
        with_activation: Replaces its activation.
        with_head: Replaces its last layer.
        with_normalization: Prepends a normalization layer with a mean and a standard deviation.
    """

    build: Callable[[tuple[int, int, int], int], object]
    with_activation: Callable[[Module], Module]
    with_head: Callable[[Module], Module]
    with_normalization: Callable[[Module, Sequence[float], Sequence[float]], Module]


@dataclass(frozen=True, kw_only=True)
class BoundCriterion:
    """The loss of an example.

    Attributes:
        loss: Returns the losses (N,) for logits (N, K) and labels.
    """

    loss: Criterion


@dataclass(frozen=True, kw_only=True)
class BoundUpdate:
    """How a batch changes the weights.

    Attributes:
        update: Changes them.
        uses_attack: Whether it calls the attack of the group `attack`.
        gradient_steps: Gradient steps of its built-in attack; `None`: unknown.
        replays: Number of consecutive steps on each batch.
        divides_batches: Whether it has a knob `micro_batch`.
        micro_batch: Images per forward pass; `None`: the whole batch.
        pass_order: Which images its published code passes first; a method may follow it.
        name: Name of the file that defines `update`.
    """

    update: WeightUpdate
    uses_attack: bool = True
    gradient_steps: int | None = None
    replays: int = 1
    divides_batches: bool = False
    micro_batch: int | None = None
    pass_order: PassOrder = PassOrder.CLEAN_FIRST
    name: str = ""

    def with_micro_batch(self, size: int) -> "BoundUpdate":
        """Return the same update with `size` images at a time."""
        update: Callable[..., Tensor] = self.update
        return replace(self, update=partial(update, micro_batch=size), micro_batch=size)


@dataclass(frozen=True, kw_only=True)
class BoundOptimizer:
    """The optimizer.

    Attributes:
        build: Returns the optimizer of some parameters.
        scale_lr: Returns the peak learning rate for a base rate and a batch size.
        split_parameters: Returns parameter groups for named parameters and the loaded names.
    """

    build: Callable[[Iterable[Parameter] | Iterable[dict[str, object]]], Optimizer]
    scale_lr: Callable[[float, int], float]
    split_parameters: Callable[
        [Iterable[tuple[str, Parameter]], Collection[str]], list[dict[str, object]]
    ]


@dataclass(frozen=True, kw_only=True)
class BoundSchedule:
    """The learning rate over the run.

    Attributes:
        factor: Share of the run to the factor of the learning rate, or of eps.
        warmup_factor: Share of the run to the factor of the warm-up.
    """

    factor: Callable[[float], float]
    warmup_factor: Callable[[float], float]


@dataclass(frozen=True, kw_only=True)
class BoundEpsSchedule(BoundSchedule):
    """The training radius over the run.

    Attributes:
        shrink_eps: Returns the ball with a share of the radius.
        schedule_progress: Share of the run, now and at the start of the epoch, to the share at
            which the other functions are evaluated.
    """

    shrink_eps: Callable[[Threat, float], Threat]
    schedule_progress: Callable[[float, float], float]


@dataclass(frozen=True, kw_only=True)
class BoundRestarts:
    """When both schedules restart.

    Attributes:
        locate_period: Share of the run to the finished periods and the share of the current one.
    """

    locate_period: Callable[[float], tuple[int, float]]


@dataclass(frozen=True, kw_only=True)
class BoundAverage:
    """Which weights are validated and saved.

    Attributes:
        build: Returns the weight average of a network.
    """

    build: Callable[[Module], Average]


@dataclass(frozen=True, kw_only=True)
class BoundTeacher:
    """A second network that the method learns from.

    Attributes:
        build: Returns it; `None`: there is none.
    """

    build: Callable[[], Teacher | None]


@dataclass(frozen=True, kw_only=True)
class BoundOverfittingDetector:
    """The detector of catastrophic overfitting.

    Attributes:
        select_images: Returns the training images to check.
        detect_collapse: Returns the update at which the network collapsed, given it and what is
            saved; 0 if it did not.
        every: Updates between two checks; 0: no check.
    """

    select_images: Callable[[Images], Batch]
    detect_collapse: Callable[[Module, Module, Batch], int]
    every: int


@dataclass(frozen=True, kw_only=True)
class BoundValidationAttack:
    """The validation attack.

    Attributes:
        measure_accuracies: Returns the accuracies without an attack and under it.
        steps: Steps of the attack.
        restarts: Independent attacks.
        exam_batch: Images attacked at once.
    """

    measure_accuracies: ValidationAttack
    steps: int
    restarts: int
    exam_batch: int


@dataclass(frozen=True, kw_only=True)
class Components:
    """The components of a trial; each attribute is the group of that name."""

    threat: BoundThreat
    data: BoundData
    model: BoundModel
    method: BoundMethod
    criterion: BoundCriterion
    attack: BoundAttack
    update: BoundUpdate
    optimizer: BoundOptimizer
    schedule: BoundSchedule
    eps_schedule: BoundEpsSchedule
    periods: BoundRestarts
    average: BoundAverage
    teacher: BoundTeacher
    sentinel: BoundOverfittingDetector
    exam: BoundValidationAttack

    @property
    def attacks_in_one_step(self) -> bool:
        """Whether the training attack takes a single gradient step, as its members declare."""
        attacker = self.attack if self.update.uses_attack else self.update
        return self.method.attacks and attacker.gradient_steps == 1
