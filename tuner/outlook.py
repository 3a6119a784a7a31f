"""What a plan will need: whether its images and network fit together, and what it will cost."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Generator, nn

from trainables.bind import bind
from trainables.groups import GROUPS
from trainables.images import DataError, Dataset, Images
from trainables.loop import train_epoch
from trainables.problems import InputError
from trainables.trial import dataset, network
from tuner.domains import probes
from tuner.plan import Plan, Variant

PROBE = 8
"""Images of the first timed step; a network that is quick with them is timed on a whole batch."""
QUICK = 0.1


def sample(variant: Variant) -> dict[str, SimpleNamespace]:
    """Return the parts of one configuration of a variant."""
    config = {group: dict(knobs) for group, knobs in variant.fixed.items()}
    for path, domain in variant.searched.items():
        group, knob = path.split(".")
        config[group][knob] = next(probes(domain))
    return bind({group: config[group] for group in GROUPS})


def fitted(variant: Variant) -> tuple[dict[str, SimpleNamespace], Dataset, Images, Images]:
    """Return the parts and the images, cut, after the network has seen the shape of two of them.

    Raises:
        InputError: If the images cannot be had, are too few, or do not fit the network.
    """
    parts = sample(variant)
    try:
        data = dataset(parts["data"].load, "cpu")
        train, validation = parts["data"].cut(data.train)
    except DataError as error:
        raise InputError([f"data: {error}"]) from None
    if problems := [
        *overlarge_batch(variant, parts, train),
        *hopeless_radius(parts, data),
        *overlarge(parts, data),
    ]:
        raise InputError(problems)
    try:
        with torch.device("meta"):  # shapes without numbers, so that the largest network is quick
            model = network(parts["model"], data.format).eval()
            model(torch.empty(2, *data.format.shape))
    except (RuntimeError, ValueError, ZeroDivisionError) as error:
        shape = "x".join(map(str, data.format.shape))
        reason = str(error).splitlines()[0]
        raise InputError([f"model: does not take images of {shape} ({reason})."]) from None
    if problems := [*modeless(variant, model)]:
        raise InputError(problems)
    return parts, data, train, validation


def overlarge_batch(
    variant: Variant, parts: Mapping[str, SimpleNamespace], train: Images
) -> Iterator[str]:
    """Yield the problem of a largest batch of more images than there are."""
    searched = variant.searched.get("data.batch_size")
    sizes = list(probes(searched)) if searched else [parts["data"].batches.keywords["batch_size"]]
    if max(sizes) > len(train):
        yield (
            f"data.batch_size: must be at most {len(train)}, the training images, "
            f"got {max(sizes):g}."
        )


def modeless(variant: Variant, model: nn.Module) -> Iterator[str]:
    """Yield the problem of searching BatchNorm's mode in a network that has none."""
    if "update.mode" in variant.searched and not any(
        isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()
    ):
        yield (
            f"update.mode: changes nothing, because model={variant.fixed['model']['name']} has no "
            "BatchNorm; write model=preact_resnet18."
        )


def hopeless_radius(parts: Mapping[str, SimpleNamespace], data: Dataset) -> Iterator[str]:
    """Yield the problem of a ball that holds every image."""
    threat = parts["threat"].build()
    largest = threat.diameter(data.format.shape)
    if threat.eps >= largest:
        hint = f" Did you mean threat.eps={threat.eps:g}/255?" if threat.eps > 1 else ""
        yield (
            f"threat.eps: must be below {largest:.4g}, the distance from black to white, "
            f"got {threat.eps:g}.{hint}"
        )


def overlarge(parts: Mapping[str, SimpleNamespace], data: Dataset) -> Iterator[str]:
    """Yield the problem of a crop or a square that may hide the whole image."""
    side = min(data.format.shape[1:])
    for knob in ("crop", "cutout"):
        if (size := parts["data"].augment.keywords[knob]) >= side:
            yield f"data.{knob}: must be below {side}, the size of an image, got {size}."


def unusable(plan: Plan) -> list[str]:
    """Return what is wrong with the images and the networks of a plan."""
    problems: dict[str, None] = {}
    for variant in plan.variants:
        try:
            fitted(variant)
        except InputError as found:
            problems |= dict.fromkeys(found.each)
    return list(problems)


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a whole trial takes, extrapolated from one timed training step.

    Attributes:
        seconds: Wall time on this machine.
        passes: Forward passes with gradients, in images.
    """

    seconds: float
    passes: float


def cost(plan: Plan) -> Cost:
    """Return what one trial of the first variant takes, if it is not stopped early.

    Raises:
        InputError: If its images cannot be had or do not fit.
    """
    parts, data, train, validation = fitted(plan.variants[0])
    torch.set_num_threads(plan.settings.threads)
    model = network(parts["model"], data.format)
    optimizer = parts["optimizer"].build(model.parameters())
    batch_size = parts["data"].batches.keywords["batch_size"]

    def timed(images: Images) -> tuple[float, float]:
        start = time.perf_counter()
        result = train_epoch(
            model,
            optimizer,
            parts["average"].build(model),
            images,
            parts,
            classes=data.classes,
            threat=parts["threat"].build(),
            peak_lr=0.0,
            rng=Generator().manual_seed(0),
            memory={},
            epoch=0,
            epochs=1,
        )
        return time.perf_counter() - start, result.passes

    timed(train[:2])  # the first step pays for what later ones find ready
    number = min(PROBE, batch_size)
    seconds, passes = timed(train[:number])
    if seconds < QUICK:
        number = batch_size
        seconds, passes = timed(train[:number])
    each = seconds / number
    exam = parts["exam"].accuracies.keywords
    examined = len(validation) * exam["steps"] * exam["restarts"]
    return Cost(
        seconds=plan.epochs * (each * len(train) + each / passes * examined),
        passes=plan.epochs * passes * len(train),
    )
