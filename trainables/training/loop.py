"""One epoch of adversarial training."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainables.bound_components import BoundData, Components
from trainables.data_pipeline.batches import augment_with_source, count_batches
from trainables.data_pipeline.images import Batch, Images, TrainingBatch
from trainables.injection import injected_names, unwrapped
from trainables.networks.averaging import Average
from trainables.networks.folded_view import folded_view
from trainables.networks.heads import cosine_scale
from trainables.networks.teacher import Teacher
from trainables.scheduling import set_lr
from trainables.step_context import StepContext, inject_components
from trainables.threat import Threat
from trainables.training.graphed_update import GraphedUpdate


@dataclass(frozen=True, kw_only=True)
class StepSettings:
    """The scheduled values of one step.

    Attributes:
        lr: Learning rate.
        threat: The ball that the step trains against.
    """

    lr: float
    threat: Threat


def step_settings(
    components: Components,
    threat: Threat,
    peak_lr: float,
    progress: float,
    epoch_start: float | None = None,
) -> StepSettings:
    """Return the learning rate and the radius at a share `progress` of the run.

    Args:
        components: The bound components.
        threat: The full ball.
        peak_lr: Learning rate that the schedule multiplies.
        progress: Completed share of the run, in [0, 1].
        epoch_start: Share that was completed when the epoch began; `None`: `progress`.
    """
    schedule, radius = components.schedule, components.eps_schedule
    locate = components.periods.locate_period
    _, within = locate(progress)
    read_at = radius.schedule_progress(progress, progress if epoch_start is None else epoch_start)
    share = radius.factor(locate(read_at)[1]) * radius.warmup_factor(read_at)
    return StepSettings(
        lr=peak_lr * schedule.factor(within) * schedule.warmup_factor(progress),
        threat=radius.shrink_eps(threat, share),
    )


def list_epoch_lrs(
    components: Components, threat: Threat, peak_lr: float, epochs: int, steps: int
) -> list[float]:
    """Return the learning rate of the last step of each epoch.

    Args:
        components: The bound components.
        threat: The full ball.
        peak_lr: Learning rate that the schedule multiplies.
        epochs: Epochs of the run.
        steps: Optimizer steps of an epoch.
    """
    return [
        step_settings(components, threat, peak_lr, (epoch - 0.5 / steps) / epochs).lr
        for epoch in range(1, epochs + 1)
    ]


@dataclass(frozen=True, kw_only=True)
class EpochResult:
    """The result of one epoch of training.

    Attributes:
        loss: Mean of the method's loss, in nats per example.
        last_step: Settings of the last step.
        gradient_passes: Forward passes with gradients per training example.
        collapsed_at: Update since the start of training at which the overfitting detector ended the
            epoch; 0: it did not.
    """

    loss: float
    last_step: StepSettings
    gradient_passes: float
    collapsed_at: int = 0


def train_epoch(
    model: Module,
    optimizer: Optimizer,
    average: Average,
    images: Images,
    components: Components,
    *,
    classes: int,
    threat: Threat,
    peak_lr: float,
    rng: Generator,
    memory: dict[str, Tensor],
    epoch: int,
    epochs: int,
    extra_images: Images | None = None,
    teacher: Teacher | None = None,
    n_images: int | None = None,
    detector_images: Batch | None = None,
    on_step: Callable[[float], None] | None = None,
    graphed: GraphedUpdate | None = None,
) -> EpochResult:
    """Train `model` on every image once, or until the overfitting detector finds a collapse.

    Args:
        model: The network, including its normalisation.
        optimizer: Takes the steps.
        average: Updated after each step.
        images: The training split.
        components: The bound components.
        classes: Number of classes K.
        threat: The full ball.
        peak_lr: Learning rate that the schedule multiplies.
        rng: Source of order, augmentation and random starts; on the device of the images.
        memory: Tensors that are kept between batches.
        epoch: Epochs finished so far, from 0.
        epochs: Epochs of the whole run.
        extra_images: Further training images, which are mixed into the batches.
        teacher: Second network that the method learns from; `None`: there is none.
        n_images: Images of the whole training split, if `images` is a part of it; `None`: it is
            the whole.
        detector_images: Images and labels for the overfitting detector; `None`: no check.
        on_step: Called after each step with the share of the epoch that is done; `None`: nothing.
        graphed: Runs the updates as a graph; `None`: one operation at a time.
    """
    total, seen, collapsed_at = torch.zeros((), device=images.y.device), 0, 0
    context = StepContext(
        threat=threat,
        rng=rng,
        memory=memory,
        classes=classes,
        scale=cosine_scale(model),
        epoch=epoch,
        teacher=teacher,
        epochs=epochs,
        n_images=len(images) if n_images is None else n_images,
        network=model,
    )
    ready = inject_components(components, context)
    steps, batches = prepare_batches(
        ready, images, rng, extra_images, with_source=names_source(components)
    )
    model.train()
    if graphed:
        graphed.begin_epoch(memory)
    with count_gradient_passes(model) as passes:
        for step, (x, y, context.index, context.source) in enumerate(batches):
            # in the middle of the step, so that neither the first nor the last step has lr 0
            progress = (epoch + (step + 0.5) / steps) / epochs
            now = step_settings(components, threat, peak_lr, progress, epoch / epochs)
            set_lr(optimizer, now.lr)
            context.threat, context.progress = now.threat, progress
            context.step = epoch * steps + step + 1
            if graphed:
                loss = graphed.run(ready.update.update, context, x, y, passes)
            else:
                loss = ready.update.update(model, optimizer, x, y)
            total += loss * len(y)
            average.on_step()
            seen += len(y)
            if on_step:
                on_step((step + 1) / steps)
            trained = passes[0]
            if detector_images:
                kept = average.evaluation_model()
                collapsed_at = ready.sentinel.detect_collapse(model, kept, detector_images)
            passes[0] = trained  # the check is not part of the cost of training
            if collapsed_at:
                break
    return EpochResult(
        loss=total.item() / seen,
        last_step=now,
        gradient_passes=trained / len(images),
        collapsed_at=collapsed_at,
    )


def count_steps(components: Components, n_images: int) -> int:
    """Return the optimizer steps of an epoch.

    Args:
        components: The bound components.
        n_images: Training images.
    """
    replays = components.update.replays
    return -(-count_batches(n_images, components.data.batch_size) // replays) * replays


def names_source(components: Components) -> bool:
    """Return whether the attack or the update asks where the pixels of its images come from."""
    functions = components.attack.perturb, components.update.update
    return any("source" in injected_names(unwrapped(function)) for function in functions)


def prepare_batches(
    components: Components,
    images: Images,
    rng: Generator,
    extra: Images | None = None,
    *,
    with_source: bool = False,
) -> tuple[int, Iterator[TrainingBatch]]:
    """Return the number of steps of an epoch and the augmented batch of each.

    An update that replays its batches gets fewer batches by that factor, so that an epoch costs the
    same and the schedules count replays.

    Args:
        components: The bound components.
        images: The training split.
        rng: Source of order and augmentation.
        extra: Further training images; `None`: there are none.
        with_source: Whether the batches say where their pixels come from.
    """
    data, replays, views = components.data, components.update.replays, components.method.views
    steps = count_steps(components, len(images))
    drawn = itertools.islice(data.iterate_batches(images, rng, extra), steps // replays)

    def prepare(batch: TrainingBatch) -> TrainingBatch:
        drawn_views = [augment(data, batch.x, rng, with_source) for _ in range(views)]
        x = torch.cat([view for view, _ in drawn_views]) if views > 1 else drawn_views[0][0]
        sources = [source for _, source in drawn_views if source is not None]
        x, y = x.contiguous(memory_format=torch.channels_last), batch.y.repeat(views)
        return TrainingBatch(
            *data.apply_mixup(x, y, rng),
            batch.rows.repeat(views),
            torch.cat(sources) if sources else None,
        )

    return steps, (batch for batch in map(prepare, drawn) for _ in range(replays))


def augment(
    data: BoundData, x: Tensor, rng: Generator, with_source: bool
) -> tuple[Tensor, Tensor | None]:
    """Return an augmentation of each image, and where its pixels come from if that is asked for."""
    x = data.apply_policy(x, rng)
    if with_source:
        return augment_with_source(data.augment, x, rng)
    return data.augment(x, rng), None


@contextmanager
def count_gradient_passes(model: Module) -> Iterator[list[int]]:
    """Count the examples that go through `model` with gradients; the total is the only item.

    Examples through its folded view, which attacks use instead, count too.
    """
    total = [0]

    def count(_: Module, inputs: tuple[Tensor, ...], __: Tensor) -> None:
        total[0] += len(inputs[0]) * torch.is_grad_enabled()

    handles = [net.register_forward_hook(count) for net in {model, folded_view(model)}]
    try:
        yield total
    finally:
        for handle in handles:
            handle.remove()
