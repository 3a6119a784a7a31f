"""What a plan will need: whether its images and network fit together, and what it will cost."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import Generator

from trainables.bind import bind
from trainables.groups import GROUPS
from trainables.images import DataError, Dataset, Images
from trainables.loop import train_epoch
from trainables.problems import InputError
from trainables.trial import network
from tuner.display import clock, shown
from tuner.domains import probes, spelled
from tuner.plan import Plan

PROBE = 8
"""Images of the first timed step; a network that is quick with them is timed on a whole batch."""
QUICK = 0.1


def sample(plan: Plan) -> dict[str, SimpleNamespace]:
    """Return the parts of one configuration of the plan."""
    config: dict[str, dict[str, Any]] = {g: dict(v) for g, v in plan.fixed.items()}
    for path, domain in plan.searched.items():
        group, knob = path.split(".")
        config[group][knob] = next(probes(domain))
    return bind({group: config[group] for group in GROUPS})


def fitted(parts: Mapping[str, SimpleNamespace]) -> tuple[Dataset, Images, Images]:
    """Return the images, cut, after the network has seen two of them.

    Raises:
        InputError: If they cannot be had, are too few, or do not fit the network.
    """
    try:
        data: Dataset = parts["data"].load()
        train, validation = parts["data"].cut(data.train)
    except DataError as error:
        raise InputError([f"data: {error}"]) from None
    batch_size = parts["data"].batches.keywords["batch_size"]
    if batch_size > len(train):
        raise InputError([
            f"data.batch_size: must be at most {len(train)}, the training images, got {batch_size}."
        ])
    if problems := [*hopeless_radius(parts, data), *overlong_crop(parts, data)]:
        raise InputError(problems)
    shape = "x".join(map(str, data.format.shape))
    try:
        model = network(parts["model"], data.format).eval()
        model(train.x[:2].float() / 255)
    except (RuntimeError, ValueError, ZeroDivisionError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([f"model: does not take images of {shape} ({reason})."]) from None
    return data, train, validation


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


def overlong_crop(parts: Mapping[str, SimpleNamespace], data: Dataset) -> Iterator[str]:
    """Yield the problem of a crop that may lose the whole image."""
    crop, (_, height, width) = parts["data"].augment.keywords["crop"], data.format.shape
    if crop >= min(height, width):
        yield f"data.crop: must be below {min(height, width)}, the size of an image, got {crop}."


def unusable(plan: Plan) -> list[str]:
    """Return what is wrong with the images and the network of a plan."""
    try:
        fitted(sample(plan))
    except InputError as problems:
        return list(problems.each)
    return []


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a whole trial takes, extrapolated from one timed training step.

    Attributes:
        seconds: Wall time on this machine.
        passes: Forward passes with gradients, in images.
    """

    seconds: float
    passes: float


def cost(plan: Plan, parts: Mapping[str, SimpleNamespace]) -> Cost:
    """Return what one trial that is not stopped early takes.

    Raises:
        InputError: If its images cannot be had or do not fit.
    """
    data, train, validation = fitted(parts)
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


def look_ahead(console: Console, plan: Plan, concurrency: int) -> None:
    """Print what a plan would do and what it would cost; run no trial."""
    settings = plan.settings
    console.print(
        f"space {plan.space}, recipe {plan.recipe}: {plan.trials} trials of up to {plan.epochs} "
        f"epochs, seed {settings.seed}, {concurrency} at a time",
        highlight=False,
        markup=False,
    )
    for name, chosen in (("searcher", plan.searcher), ("scheduler", plan.scheduler)):
        console.print(f"{name}: {words(chosen)}", highlight=False, markup=False)
    result = Table(box=None, header_style="dim", pad_edge=False)
    result.add_column("group")
    result.add_column("searched")
    result.add_column("fixed")
    for group, values in plan.fixed.items():
        searched = [
            f"{path.split('.')[1]}={spelled(domain)}"
            for path, domain in plan.searched.items()
            if path.startswith(f"{group}.")
        ]
        result.add_row(group, " ".join(searched), words(values))
    console.print(result, markup=False)
    try:
        whole = cost(plan, sample(plan))
    except InputError as problems:
        console.print(f"Cost unknown. {problems.each[0]}", highlight=False, markup=False)
        return
    total = whole.seconds * plan.trials / concurrency
    console.print(
        f"Cost: {whole.passes:.3g} image gradients and about {clock(whole.seconds)} a trial on "
        f"this machine, from one timed step; at most about {clock(total)} in all, less what early "
        "stopping saves.",
        highlight=False,
        markup=False,
    )


def words(values: Mapping[str, Any]) -> str:
    """Return the member and knobs of a group as they would be typed."""
    name = [str(values["name"])] if "name" in values else []
    return " ".join([*name, *(f"{k}={shown(v)}" for k, v in values.items() if k != "name")])
