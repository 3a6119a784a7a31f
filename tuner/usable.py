"""Whether a checkpoint can be evaluated, told before any attack is made."""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from trainables.audit import probabilities
from trainables.images import Dataset, Images
from trainables.modes import in_mode
from trainables.problems import InputError
from tuner.candidates import Candidate

FEW = 8
"""Images that a network is shown: all that can be wrong here is wrong for any."""


def unusable(candidate: Candidate, dataset: Dataset, images: Images) -> Iterator[str]:
    """Yield why a checkpoint cannot be evaluated, if it cannot.

    Args:
        candidate: The checkpoint.
        dataset: What it is to be evaluated on.
        images: The test images of it that are looked at, where they are computed with.
    """
    try:
        model, about = candidate.load(), candidate.about()
    except InputError as error:
        yield from error.each
        return
    if other := list(mismatched(about, dataset)):
        yield from (f"{candidate.path}: {each}" for each in other)
        return
    for each in unanswered(model.to(images.y.device), images[:FEW], dataset.classes):
        yield f"{candidate.path}: {each}"


def mismatched(about: Mapping[str, Any], dataset: Dataset) -> Iterator[str]:
    """Yield what a file says of its network that is not so of the data set."""
    wanted = dataset.format
    if about and about["shape"] != wanted.shape:
        yield (
            f"is a network for images of {sized(about['shape'])}, got data of "
            f"{sized(wanted.shape)}; write data=NAME of such images."
        )
    if about and about["classes"] != wanted.classes:
        yield (
            f"is a network for {about['classes']} classes, got data with {wanted.classes}; write "
            "data=NAME of as many."
        )


def unanswered(model: Module, images: Images, classes: int) -> Iterator[str]:
    """Yield what keeps answers to some images from being logits (N, K)."""
    x, _ = next(images.stream([torch.arange(len(images), device=images.y.device)]))
    try:
        with in_mode(model, "eval"), torch.no_grad():
            answers = model(x)
    except Exception as error:  # a user's file can fail in any way
        reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
        yield f"does not take images of {sized(x.shape[1:])} ({reason})."
        return
    wanted = (len(x), classes)
    got = tuple(answers.shape) if isinstance(answers, Tensor) else type(answers).__name__
    if got != wanted:
        yield f"must answer {len(x)} images with logits of shape {wanted}, got {got}."
    elif not answers.isfinite().all():
        yield "answers with logits that are nan or inf; its weights are of no use."
    elif probabilities(model, images):
        yield "answers with probabilities; attacks need logits, so leave the softmax away."


def sized(shape: tuple[int, ...]) -> str:
    """Return the shape of an image as text.

    >>> sized((3, 32, 32))
    '3x32x32'
    """
    return "x".join(map(str, shape))
