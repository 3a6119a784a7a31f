"""The values that the training loop injects into the components of a trial at each step."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Generator, Tensor
from torch.nn import Module

from trainables.bound_components import Components
from trainables.injection import inject_all
from trainables.networks.averaging import Average
from trainables.networks.teacher import Teacher
from trainables.protocols import AttackStart, BoundAttack, BoundMethod, Criterion, PassOrder
from trainables.threat import Threat

EVERY_STEP = frozenset({"threat", "rng", "memory", "progress", "step", "epoch", "epochs"})
IMAGES = frozenset({"index", "n_images", "source"})
INJECTED = {
    "criterion": frozenset({"scale", "rng"}),
    "method": EVERY_STEP | {"criterion", "scale", "pass_order", "teacher", "network", "start"},
    "attack": EVERY_STEP | IMAGES | {"criterion", "network", "classes"},
    "update": EVERY_STEP | IMAGES | {"method", "attack", "attack_under", "full_threat", "start"},
    "sentinel": EVERY_STEP,
    "data": frozenset({"classes"}),
    "average": frozenset({"run_steps"}),
    "teacher": frozenset({"average", "build_network", "load_network"}),
}
"""Attributes of the context that the functions of each group may name; see `RunContext` and
`TeacherContext` too."""


@dataclass(frozen=True, kw_only=True)
class RunContext:
    """The values that a trial injects when it builds the average.

    Attributes:
        run_steps: Optimizer steps of the whole run.
    """

    run_steps: int


@dataclass(frozen=True, kw_only=True)
class TeacherContext:
    """The values that a trial injects when it builds the teacher.

    Attributes:
        average: Average of the trial's weights.
        build_network: Returns a network with new weights; of a model by name, or if that is `None`
            like the one in training. On the device and in the precision of the trial.
        load_network: Returns the network in a file; of a model by name, or if that is `None` the
            one that the file describes. Likewise.
    """

    average: Average
    build_network: Callable[[str | None], Module]
    load_network: Callable[[str, str | None], Module]


@dataclass(kw_only=True)
class StepContext:
    """The values that the loop injects; it updates them before each step.

    Attributes:
        threat: The ball that the step trains against.
        rng: Source of random numbers.
        memory: Tensors that are kept between batches, also by a checkpoint.
        classes: Number of classes K.
        scale: Factor of the cosines of a cosine head; 1 with other heads.
        progress: Finished share of the run, in [0, 1].
        teacher: Second network that a method learns from; `None`: there is none.
        step: Updates since the start of training, this one included.
        epoch: Epochs finished before this step.
        epochs: Epochs of the whole run.
        index: Rows (N,) of the batch's images in the training split; -1: a further image.
        n_images: Images of the training split.
        source: Pixel of the image before augmentation that each pixel was, as in `TrainingBatch`.
        start: Start of the attack, which the update may share with the loss.
        network: The network in training, which attacks may see as a folded view.
        pass_order: Which images the update's published code passes first, set by
            `inject_components`.
        criterion: The loss, set by `inject_components`.
        method: The training method, set likewise.
        attack: The training attack, set likewise.
        attack_under: Returns the training attack under another threat, set likewise.
        full_threat: The ball before a schedule shrinks it, set likewise.
    """

    threat: Threat
    rng: Generator
    memory: dict[str, Tensor]
    classes: int
    scale: float = 1.0
    progress: float = 0.0
    step: int = 0
    epoch: int = 0
    teacher: Teacher | None = None
    epochs: int = 1
    index: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    n_images: int = 0
    source: Tensor | None = None
    start: AttackStart = field(default_factory=AttackStart)
    network: Module = field(default_factory=Module)
    pass_order: PassOrder = PassOrder.CLEAN_FIRST
    criterion: Criterion = field(init=False)
    method: BoundMethod = field(init=False)
    attack: BoundAttack = field(init=False)
    attack_under: Callable[[Threat], BoundAttack] = field(init=False)
    full_threat: Threat = field(init=False)


def attack_under(attack: BoundAttack, context: StepContext, threat: Threat) -> BoundAttack:
    """Return an attack whose functions read from `context`, but for the threat."""
    other = copy(context)
    other.threat = threat
    return inject_all(attack, other, INJECTED["attack"])


def inject_components(components: Components, context: StepContext) -> Components:
    """Return components whose functions read what they name from `context`, at each call."""
    criterion = inject_all(components.criterion, context, INJECTED["criterion"])
    context.criterion = criterion.loss
    context.pass_order = components.update.pass_order
    context.method = inject_all(components.method, context, INJECTED["method"])
    context.attack = inject_all(components.attack, context, INJECTED["attack"])
    context.attack_under = partial(attack_under, components.attack, context)
    context.full_threat = context.threat
    return replace(
        components,
        criterion=criterion,
        method=context.method,
        attack=context.attack,
        update=inject_all(components.update, context, INJECTED["update"]),
        sentinel=inject_all(components.sentinel, context, INJECTED["sentinel"]),
        data=inject_all(components.data, context, INJECTED["data"]),
    )
