"""The saved progress of an attack: which images are still robust."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from pydantic import Json, NonNegativeFloat, NonNegativeInt, TypeAdapter, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

MASKS = {"attacked": "attacked", "standing": "robust_mask", "tried": "tried", "hit": "hit"}
"""Name of a mask in a file to its attribute."""


@dataclass(frozen=True)
class AttackMetadata:
    """The metadata of a saved state, each as JSON."""

    aimed: Json[bool]
    number: Json[NonNegativeInt]
    rejected: Json[NonNegativeInt]
    seconds: Json[NonNegativeFloat]
    batch: Json[NonNegativeInt]


@dataclass
class AttackState:
    """The progress of an attack.

    Attributes:
        attacked: Mask (N,) of the images to attack.
        robust_mask: Mask (N,) of those that are still robust.
        tried: Mask (N,) of those that the current attempt has finished.
        hit: Mask (N,) of those that were classified as their target.
        aimed: Whether an attempt had target classes.
        number: Index of the current attempt; the number of attempts at the end.
        rejected: Number of misclassified points outside the ball or the pixel range; ignored.
        seconds: Time spent so far.
        batch: Images per batch; halved when memory runs out.
    """

    attacked: Tensor
    robust_mask: Tensor = field(init=False)
    tried: Tensor = field(init=False)
    hit: Tensor = field(init=False)
    aimed: bool = False
    number: int = 0
    rejected: int = 0
    seconds: float = 0.0
    batch: int = 0

    def __post_init__(self) -> None:
        self.robust_mask = self.attacked.clone()
        self.tried = torch.zeros_like(self.attacked)
        self.hit = torch.zeros_like(self.attacked)

    def save(self, path: Path) -> None:
        """Write to a file atomically."""
        metadata = {k: json.dumps(getattr(self, k)) for k in AttackMetadata.__annotations__}
        masks = {key: getattr(self, name) for key, name in MASKS.items()}
        new = path.with_name(f".{path.name}.{os.getpid()}")  # two processes may write the same file
        new.write_bytes(save(masks, metadata=metadata))
        new.replace(path)

    @staticmethod
    def load(path: Path, attacked: Tensor) -> "AttackState":
        """Read what `save` wrote of an attack on the images `attacked` (N,).

        Raises:
            ValueError: If the file is corrupt or of another attack.
        """
        try:
            with safe_open(path, framework="pt") as opened:
                masks = {key: opened.get_tensor(key) for key in MASKS}
                metadata = TypeAdapter(AttackMetadata).validate_python(opened.metadata() or {})
            problem = mask_error(masks, attacked)
        except ValidationError as error:
            first = error.errors()[0]
            problem = f"{first['loc'][0]}: {first['msg']}"
        except (SafetensorError, OSError) as error:
            problem = str(error)
        if problem:
            raise ValueError(f"{path} is corrupt ({problem}); remove it to restart the attack.")
        state = AttackState(attacked)
        for key, value in (masks | vars(metadata)).items():
            setattr(state, MASKS.get(key, key), value)
        return state


def mask_error(masks: Mapping[str, Tensor], attacked: Tensor) -> str | None:
    """Return what is wrong with the masks of an attack on the images `attacked` (N,), or `None`."""
    for name, mask in masks.items():
        if mask.dtype != torch.bool or mask.shape != attacked.shape:
            got = f"{mask.dtype} {tuple(mask.shape)}"
            return f"{name}: must be torch.bool {tuple(attacked.shape)}, got {got}"
        if (mask & ~attacked).any():
            return f"{name}: has images that are not attacked"
    return None if masks["attacked"].equal(attacked) else "attacked: lacks images"
