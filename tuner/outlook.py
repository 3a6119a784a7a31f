"""What a plan will need: whether its images and network fit together, and the machine."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from trainables.bind import filled
from trainables.bound_components import BoundData, BoundMember, BoundModel, bound_data, bound_model
from trainables.groups import GROUPS
from trainables.images import AbsentError, DataError, Dataset, Format, Images
from trainables.photos import PhotoError
from trainables.problems import InputError
from trainables.threat import Threat
from trainables.trial import dataset, network
from tuner.domains import probes
from tuner.draws import configuration
from tuner.plan import Plan, Variant
from tuner.resources import memory

LEAST = 3
"""Copies of the weights that training holds: themselves, their gradients and the best so far."""


def sample(variant: Variant, group: str) -> BoundMember:
    """Return the member of one group in a configuration of a variant."""
    values = configuration(variant, {})[group]
    name = values.pop("name", GROUPS[group].default)
    assert name is None or isinstance(name, str)
    return filled(GROUPS[group], name, values)


def fitted(variant: Variant) -> None:
    """Check that the network takes the images, on the shape of two of them.

    Raises:
        AbsentError: If the images could still be downloaded.
        InputError: If the images cannot be had, are too few, or do not fit the network.
    """
    data, train = images(variant, bound_data(sample(variant, "data")))
    if problems := [
        *overlarge_batch(variant, train),
        *hopeless_radius(variant, sample(variant, "threat")["build"](), data),
        *overlarge(variant, data),
        *unfit(variant, bound_model(sample(variant, "model")), data.format),
    ]:
        raise InputError(problems)


def images(variant: Variant, bound: BoundData) -> tuple[Dataset, Images]:
    """Return the data set, and the images to train on.

    Raises:
        AbsentError: If the images could still be downloaded.
        InputError: If they cannot be had or are too few.
    """
    try:
        data = dataset(bound.load, "cpu")
        train, _ = bound.cut(data.train)
        train[:2].x.float()  # photographs are decoded no sooner
    except AbsentError:
        raise
    except (DataError, PhotoError) as error:
        raise InputError([f"data: {error}"]) from None
    except Exception as error:  # a user's file can fail in any way
        name = variant.fixed["data"]["name"]
        raise InputError([f"data: {name} fails in load() ({described(error)})."]) from None
    return data, train


def described(error: Exception) -> str:
    """Return an error in one line."""
    return ": ".join([type(error).__name__, *str(error).splitlines()[:1]])


def unfit(variant: Variant, bound: BoundModel, taken: Format) -> Iterator[str]:
    """Yield why a network cannot be trained on images of a format."""
    name = variant.fixed["model"]["name"]
    try:
        with torch.device("meta"):  # shapes without numbers, so that the largest network is quick
            model = network(bound, taken).eval()
            logits = model(torch.empty(2, *taken.shape))
    except Exception as error:  # a user's file can fail in any way
        shape = "x".join(map(str, taken.shape))
        yield f"model: {name} does not take images of {shape} ({described(error)})."
        return
    got = tuple(logits.shape) if isinstance(logits, Tensor) else logits
    if got != (2, taken.classes):
        wanted = (2, taken.classes)
        yield f"model: {name} must return logits of shape {wanted} for 2 images, got {got}."
    room = memory()
    if (needed := LEAST * sum(each.nbytes for each in model.parameters())) > room:
        yield (
            f"model: {name} needs {needed / 2**30:.3g} GiB for its weights and their gradients, "
            f"this machine has {room / 2**30:.3g}; choose a smaller one."
        )
    yield from modeless(variant, model)


def extent(variant: Variant, path: str) -> float:
    """Return the largest value that a knob has or may take."""
    group, _, knob = path.partition(".")
    searched = variant.searched.get(path)
    largest: float = max(probes(searched)) if searched else variant.fixed[group][knob]
    return largest


def overlarge_batch(variant: Variant, train: Images) -> Iterator[str]:
    """Yield the problem of a largest batch of more images than there are."""
    if (size := extent(variant, "data.batch_size")) > len(train):
        yield f"data.batch_size: must be at most {len(train)}, the training images, got {size:g}."


def modeless(variant: Variant, model: nn.Module) -> Iterator[str]:
    """Yield the problem of searching BatchNorm's mode in a network that has none."""
    if "update.mode" in variant.searched and not any(
        isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()
    ):
        yield (
            f"update.mode: changes nothing, because model={variant.fixed['model']['name']} has no "
            "BatchNorm; write model=preact_resnet18."
        )


def hopeless_radius(variant: Variant, threat: Threat, data: Dataset) -> Iterator[str]:
    """Yield the problem of a ball that holds every image."""
    largest = threat.diameter(data.format.shape)
    swept = "threat.eps" in variant.searched
    if (eps := extent(variant, "threat.eps") if swept else threat.eps) >= largest:
        hint = f" Did you mean threat.eps={eps:g}/255?" if eps > 1 else ""
        yield (
            f"threat.eps: must be below {largest:.4g}, the distance from black to white, for else "
            f"every image is allowed, got {eps:g}.{hint}"
        )


def overlarge(variant: Variant, data: Dataset) -> Iterator[str]:
    """Yield the problem of a crop or a square that may hide the whole image."""
    side = min(data.format.shape[1:])
    for path in ("data.crop", "data.cutout"):
        if (size := extent(variant, path)) >= side:
            yield f"{path}: must be below {side}, the size of an image, got {size:g}."


def unusable(plan: Plan) -> list[str]:
    """Return what is wrong with the images and the networks of a plan.

    Images that could still be downloaded are no problem of a plan that will not be run.
    """
    problems: dict[str, None] = {}
    for variant in plan.variants:
        try:
            fitted(variant)
        except InputError as found:
            problems |= dict.fromkeys(found.each)
        except AbsentError as found:
            problems |= {} if plan.settings.dry_run else {f"data: {found}": None}
    return list(problems)
