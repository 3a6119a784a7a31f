"""Check that images, network and machine of a plan fit together."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import torch
from rich.console import Console
from torch import Tensor, nn

from trainables.binding import assemble, bind_member, bound_data, bound_model
from trainables.bound_components import BoundData, BoundMember, BoundModel, BoundThreat
from trainables.components import GROUPS
from trainables.data_pipeline.dataset_cache import load_dataset
from trainables.data_pipeline.extra_images import drop_copies
from trainables.data_pipeline.images import (
    DataError,
    Dataset,
    ImageFormat,
    Images,
    MissingDataError,
)
from trainables.data_pipeline.photos import PhotoError
from trainables.data_pipeline.summary import describe_dataset
from trainables.errors import InputError
from trainables.threat import Threat
from trainables.training.network import build_network
from tuner.config.class_balance import ClassBalance
from tuner.config.domains import boundary_values
from tuner.config.plan import Plan, Variant
from tuner.config.preflight.image_memory import check_image_memory
from tuner.config.preflight.representative import build_configuration
from tuner.config.resources import machine_memory

MAX_CPU_PARAMETERS = 2_000_000
"""Parameters of a network that is tried on the CPU before a search."""
WEIGHT_COPIES = 3
"""Copies of the weights during training: the weights, their gradients, the best so far."""


def build_parts(variant: Variant, group: str) -> BoundMember:
    """Return the member of one group in a configuration of a variant."""
    values = build_configuration(variant, {})[group]
    name = values.pop("name", GROUPS[group].default)
    assert name is None or isinstance(name, str)
    return bind_member(GROUPS[group], name, values)


def prepare_variant(variant: Variant) -> None:
    """Check that the network accepts the images.

    Raises:
        MissingDataError: If the images have not been downloaded.
        InputError: If the images cannot be read, are too few, or do not fit the network.
    """
    data, train, _ = load_images(variant, bound_data(build_parts(variant, "data")))
    if problems := [
        *check_batch_size(variant, train),
        *check_radius(variant, assemble(BoundThreat, build_parts(variant, "threat")).build(), data),
        *check_crop_size(variant, data),
        *check_image_memory(variant, train),
        *check_network_fit(variant, bound_model(build_parts(variant, "model")), data.image_format),
    ]:
        raise InputError(problems)


def load_images(variant: Variant, bound: BoundData) -> tuple[Dataset, Images, Images]:
    """Return the data set, its training and its validation images.

    Raises:
        MissingDataError: If the images have not been downloaded.
        InputError: If they cannot be read or are too few.
    """
    try:
        data = load_dataset(bound.load, bound.read_extra, "cpu")
        train, validation = bound.split_validation(data.train)
        train[:2].x.float()  # decodes photographs
        if data.extra:
            drop_copies(data.extra, validation, data.test)  # refuses if no image is left
    except MissingDataError:
        raise
    except (DataError, PhotoError) as error:
        raise InputError([f"data: {error}"]) from None
    except Exception as error:  # a user-supplied file can raise anything
        name = variant.fixed["data"]["name"]
        raise InputError([f"data: {name} fails in load() ({format_error(error)})."]) from None
    return data, train, validation


def format_error(error: Exception) -> str:
    """Return an error in one line."""
    return ": ".join([type(error).__name__, *str(error).splitlines()[:1]])


def check_network_fit(
    variant: Variant, bound: BoundModel, image_format: ImageFormat
) -> Iterator[str]:
    """Yield why a network cannot be trained on images of a format."""
    name = variant.fixed["model"]["name"]
    try:
        with torch.device("meta"):  # computes shapes only, fast for any size
            model = build_network(bound, image_format).eval()
        device = choose_check_device(model)
        with torch.device(device), torch.random.fork_rng(devices=[]):
            if device == "cpu":
                model = build_network(bound, image_format).eval()
            logits = model(torch.zeros(2, *image_format.shape))
    except Exception as error:  # a user-supplied file can raise anything
        shape = "x".join(map(str, image_format.shape))
        yield f"model: {name} does not take images of {shape} ({format_error(error)})."
        return
    got = tuple(logits.shape) if isinstance(logits, Tensor) else logits
    if got != (2, image_format.classes):
        wanted = (2, image_format.classes)
        yield f"model: {name} must return logits of shape {wanted} for 2 images, got {got}."
    memory = machine_memory()
    if (needed := WEIGHT_COPIES * sum(p.nbytes for p in model.parameters())) > memory:
        yield (
            f"model: {name} needs {needed / 2**30:.3g} GiB for its weights and their gradients, "
            f"this machine has {memory / 2**30:.3g}; choose a smaller one."
        )
    yield from check_batchnorm_mode(variant, model)
    yield from check_single_images(variant, model, image_format, device)


def choose_check_device(model: nn.Module) -> str:
    """Return the device on which a network is tried.

    A small one is tried on the CPU: on the device "meta", PyTorch first imports the parts of
    torch.compile, which takes longer, 1.4 s.
    """
    is_small = sum(p.numel() for p in model.parameters()) <= MAX_CPU_PARAMETERS
    return "cpu" if is_small else "meta"


def check_single_images(
    variant: Variant, model: nn.Module, image_format: ImageFormat, device: str
) -> Iterator[str]:
    """Yield the problem of batches of one image in a network whose BatchNorm needs two."""
    for path in ("data.batch_size", "update.micro_batch"):
        group, _, knob = path.partition(".")
        searched = variant.searched.get(path)
        values = boundary_values(searched) if searched else [variant.fixed[group].get(knob)]
        if 1 not in values:
            continue
        try:
            model.train()(torch.zeros(1, *image_format.shape, device=device))
        except ValueError:
            needs = f"BatchNorm of model={variant.fixed['model']['name']} needs more than one image"
            yield f"{path}: must be at least 2, because {needs}, got 1."


def largest_value(variant: Variant, path: str) -> float:
    """Return the value of a knob, or the largest searched value."""
    group, _, knob = path.partition(".")
    searched = variant.searched.get(path)
    largest = max(boundary_values(searched)) if searched else variant.fixed[group][knob]
    assert isinstance(largest, int | float)
    return largest


def check_batch_size(variant: Variant, train: Images) -> Iterator[str]:
    """Yield the problem of a batch size above the number of training images."""
    if (size := largest_value(variant, "data.batch_size")) > len(train):
        yield f"data.batch_size: must be at most {len(train)}, the training images, got {size:g}."


def check_batchnorm_mode(variant: Variant, model: nn.Module) -> Iterator[str]:
    """Yield the problem of searching BatchNorm's mode in a network that has none."""
    if "update.mode" in variant.searched and not any(
        isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()
    ):
        yield (
            f"update.mode: changes nothing, because model={variant.fixed['model']['name']} has no "
            "BatchNorm; write model=preact_resnet18."
        )


def check_radius(variant: Variant, threat: Threat, data: Dataset) -> Iterator[str]:
    """Yield the problem of a radius that allows every image."""
    largest = threat.diameter(data.image_format.shape)
    swept = "threat.eps" in variant.searched
    if (eps := largest_value(variant, "threat.eps") if swept else threat.eps) >= largest:
        hint = f" Did you mean threat.eps={eps:g}/255?" if eps > 1 else ""
        yield (
            f"threat.eps: must be below {largest:.4g}, the distance from black to white, above "
            f"which every image is allowed, got {eps:g}.{hint}"
        )


def check_crop_size(variant: Variant, data: Dataset) -> Iterator[str]:
    """Yield the problem of a crop or cutout as large as the image."""
    side = min(data.image_format.shape[1:])
    for path in ("data.crop", "data.cutout"):
        if (size := largest_value(variant, path)) >= side:
            yield f"{path}: must be below {side}, the size of an image, got {size:g}."


def add_class_balance(plan: Plan) -> Plan:
    """Return a plan with the classes of its validation splits and the sizes of its training splits.

    Its images can be loaded.
    """
    return replace(plan, variants=tuple(map(measure_class_balance, plan.variants)))


def measure_class_balance(variant: Variant) -> Variant:
    """Return a variant with the classes of its validation split, and its training images."""
    _, train, validation = load_images(variant, bound_data(build_parts(variant, "data")))
    counts = torch.bincount(validation.y)
    balance = ClassBalance(int((counts > 0).sum()), int(counts.max()) / len(validation))
    return replace(variant, class_balance=balance, n_train=len(train))


def print_data(plan: Plan, console: Console) -> None:
    """Print what was understood of the images of a plan; nothing of those that cannot be read."""
    lines: dict[str, None] = {}
    for variant in plan.variants:
        with suppress(InputError, MissingDataError):
            lines |= dict.fromkeys(describe_variant_data(variant))
    for line in lines:
        console.print(line)


def describe_variant_data(variant: Variant) -> Iterator[str]:
    """Yield what was understood of the images of a variant."""
    data, train, validation = load_images(variant, bound_data(build_parts(variant, "data")))
    extra = ""
    if data.extra:
        kept = len(drop_copies(data.extra, validation, data.test))
        share = variant.fixed["data"].get("extra_share")
        part = f"{100 * share:.3g} % of" if isinstance(share, float) else "a searched share of"
        extra = f"; {kept:,} further images, {part} each batch"
        if copies := len(data.extra) - kept:
            extra += f" ({copies:,} copies of validation and test images are left out)"
    yield from describe_dataset(str(variant.fixed["data"]["name"]), data, train, validation, extra)


def check_data_and_networks(plan: Plan) -> list[str]:
    """Return the problems of the images and networks of a plan.

    In a dry run, images that have not been downloaded are not a problem.
    """
    problems: dict[str, None] = {}
    for variant in plan.variants:
        try:
            prepare_variant(variant)
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
        except MissingDataError as error:
            problems |= {} if plan.settings.dry_run else {f"data: {error}": None}
    return list(problems)
