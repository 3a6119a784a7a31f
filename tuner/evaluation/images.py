"""The data set of an evaluation, and the images that it attacks."""

from collections.abc import Mapping

import torch

from trainables.binding import bind_member
from trainables.bound_components import BoundMember
from trainables.components import GROUPS
from trainables.data_pipeline.images import DataError, Dataset, Images
from trainables.errors import InputError

SUBSET_SEED = 0
"""Seed of the draw of test images; constant, so that all checkpoints get the same images."""


def bind_group(group: str, values: Mapping[str, object]) -> BoundMember:
    """Return the named member of a group with its knobs bound."""
    settings = dict(values)
    return bind_member(GROUPS[group], str(settings.pop("name")), settings)


def load_evaluation_data(data: Mapping[str, object]) -> Dataset:
    """Return the data set.

    Raises:
        InputError: If it cannot be loaded.
    """
    try:
        dataset: Dataset = bind_group("data", data)["load"]()
    except DataError as error:
        raise InputError([f"data: {error}"]) from None
    return dataset


def draw_subset(images: Images, number: int | None) -> Images:
    """Return `number` images drawn at random, in their original order; `None`: all."""
    if number is None or number == len(images):
        return images
    rng = torch.Generator().manual_seed(SUBSET_SEED)
    rows = torch.randperm(len(images), generator=rng)[:number].sort().values
    return images[rows]
