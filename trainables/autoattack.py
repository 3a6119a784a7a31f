"""What the parts of AutoAttack (arXiv:2003.01690) need that come from the pyautoattack package."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Generator

from trainables.threat import Threat
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf

NORMS = {Linf: "Linf", L2: "L2"}
SILENT = logging.getLogger("attuner.silent")
SILENT.disabled = True  # what the package warns of, the audit of an evaluation looks into


def setting(threat: Threat, device: torch.device) -> dict[str, Any]:
    """Return what every attack of the package is told.

    Raises:
        ValueError: If the package does not know the norm.
    """
    if type(threat) not in NORMS:
        raise ValueError(f"AutoAttack knows linf and l2, got {type(threat).__name__}.")
    return {"norm": NORMS[type(threat)], "eps": threat.eps, "device": device}


@contextmanager
def seeded(rng: Generator) -> Iterator[None]:
    """Let the package, which draws from torch's global source, draw as `rng` says."""
    seed = int(torch.randint(2**62, (1,), generator=rng, device=rng.device))
    devices = [rng.device] if rng.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
