"""Check that checkpoints can be evaluated, before any attack runs."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from trainables.data_pipeline.images import Dataset, Images
from trainables.errors import InputError
from trainables.evaluation.sanity_checks import outputs_probabilities
from trainables.networks.modes import in_mode
from tuner.evaluation.checkpoints import CheckpointRef

N_CHECK_IMAGES = 8
"""Images that a network is shown: all that can be wrong here is wrong for any."""


def checkpoint_problems(
    checkpoint: CheckpointRef, dataset: Dataset, images: Images
) -> Iterator[str]:
    """Yield why a checkpoint cannot be evaluated, if it cannot.

    Args:
        checkpoint: The checkpoint.
        dataset: What it is to be evaluated on.
        images: The test images of it that are looked at, where they are computed with.
    """
    try:
        model, about = checkpoint.load(), checkpoint.read_description()
    except InputError as error:
        yield from error.problems
        return
    if other := list(check_format(about, dataset)):
        yield from (f"{checkpoint.path}: {each}" for each in other)
        return
    for each in check_logits(model.to(images.y.device), images[:N_CHECK_IMAGES], dataset.classes):
        yield f"{checkpoint.path}: {each}"


def check_format(description: Mapping[str, Any], dataset: Dataset) -> Iterator[str]:
    """Yield what a file says of its network that is not so of the data set."""
    wanted = dataset.image_format
    if description and description["shape"] != wanted.shape:
        yield (
            f"is a network for images of {format_shape(description['shape'])}, got data of "
            f"{format_shape(wanted.shape)}; write data=NAME of such images."
        )
    if description and description["classes"] != wanted.classes:
        yield (
            f"is a network for {description['classes']} classes, got data with {wanted.classes}; write "
            "data=NAME of as many."
        )


def check_logits(model: Module, images: Images, classes: int) -> Iterator[str]:
    """Yield what keeps answers to some images from being logits (N, K)."""
    x, _ = next(images.stream([torch.arange(len(images), device=images.y.device)]))
    try:
        with in_mode(model, "eval"), torch.no_grad():
            answers = model(x)
    except Exception as error:  # a user's file can fail in any way
        reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
        yield f"does not take images of {format_shape(x.shape[1:])} ({reason})."
        return
    wanted = (len(x), classes)
    got = tuple(answers.shape) if isinstance(answers, Tensor) else type(answers).__name__
    if got != wanted:
        yield f"must answer {len(x)} images with logits of shape {wanted}, got {got}."
    elif not answers.isfinite().all():
        yield "answers with logits that are nan or inf; its weights are of no use."
    elif outputs_probabilities(model, images):
        yield "answers with probabilities; attacks need logits, so leave the softmax away."


def format_shape(shape: tuple[int, ...]) -> str:
    """Return the shape of an image as text.

    >>> format_shape((3, 32, 32))
    '3x32x32'
    """
    return "x".join(map(str, shape))
