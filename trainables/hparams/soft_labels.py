"""Which knobs turn labels into probabilities, for components that need one label per image."""

from collections.abc import Mapping

MIXING_KNOBS = ("mixup", "cutmix")
"""Knobs of the data that mix the labels of two images."""


def find_mixing(config: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Return the knobs that mix labels in a configuration, or may do so as they are searched.

    >>> find_mixing({"data": {"mixup": 0.0, "cutmix": 1.0}}), find_mixing({"data": {"cutmix": 0}})
    (['data.cutmix'], ['data.mixup'])
    """
    return [f"data.{name}" for name in MIXING_KNOBS if config["data"].get(name, 1)]
