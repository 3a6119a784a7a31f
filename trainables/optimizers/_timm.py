"""Optimizers of timm, which is an optional package."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec

import torch
from torch.nn import Parameter

Parameters = Iterable[Parameter] | Iterable[dict[str, object]]
"""Parameters to optimise, or groups of them."""


def build_timm_optimizer(
    name: str, parameters: Parameters, **settings: object
) -> torch.optim.Optimizer:
    """Return an optimizer of timm.

    Args:
        name: Name of its class.
        parameters: The parameters to optimise, or groups of them.
        settings: Its arguments.
    """
    # imported here, because it is an extra and takes seconds
    optimizer: torch.optim.Optimizer = getattr(import_module("timm.optim"), name)(
        parameters, **settings
    )
    return optimizer


def find_missing_timm(optimizer: str) -> Iterator[str]:
    """Yield a problem if timm, which an optimizer needs, is not installed."""
    if find_spec("timm") is None:
        yield (
            f"optimizer: {optimizer} needs the package timm; install it, for example with "
            "`uv sync --extra timm`."
        )
