"""Check that what an attack keeps of each training image fits into memory."""

import math
from collections.abc import Iterator

from trainables.binding import calls_attack
from trainables.components import GROUPS
from trainables.data_pipeline.images import Images
from tuner.config.plan import Variant
from tuner.config.resources import machine_memory

BYTES = 4
"""Of a number in fp32."""


def kept_bytes(variant: Variant, train: Images) -> int:
    """Return the bytes that an attack keeps of all training images; 0: it keeps nothing.

    Args:
        variant: The variant of a plan.
        train: The training split.
    """
    attack, update = (
        GROUPS[group].load(str(variant.fixed[group]["name"])) for group in ("attack", "update")
    )
    copies: int = getattr(attack, "IMAGE_COPIES", 0)
    if not calls_attack(update.update):
        return 0
    return copies * BYTES * len(train) * math.prod(train.x.shape[1:])


def check_image_memory(variant: Variant, train: Images) -> Iterator[str]:
    """Yield the problem of an attack that keeps more of the training images than memory holds."""
    memory = machine_memory()
    if (needed := kept_bytes(variant, train)) > memory:
        yield (
            f"attack: {variant.fixed['attack']['name']} keeps {needed / 2**30:.3g} GiB of "
            f"perturbations, this machine has {memory / 2**30:.3g}; choose another attack, or "
            "fewer images with data.limit=N."
        )
