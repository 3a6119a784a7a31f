"""Augmentation policies: random operations, drawn for each image.

TrivialAugment (Müller and Hutter, 2021, arXiv:2103.10158) and RandAugment (Cubuk et al., 2020,
arXiv:1909.13719) as torchvision has them, and IDBH (Li and Spratling, 2023, arXiv:2301.09879) as in
its published code, which was made for adversarial training.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor, copysign

from trainables.data_pipeline.crop_shift import crop_shift, erase_rectangles
from trainables.data_pipeline.image_operations import OPERATIONS
from trainables.hparams.knobs import read_knobs
from trainables.hparams.ranges import Count

Policy = Literal["none", "trivial_augment", "rand_augment", "idbh_weak", "idbh_strong", "idbh_svhn"]
LEVELS = 30
"""Highest level of TrivialAugment and RandAugment."""
Level = Annotated[int, Field(ge=0, le=LEVELS)]
Strength = Callable[[Tensor, int], Tensor]
"""Maps levels (N,) in [0, 1], or [-1, 1], and the width of the images to strengths (N,)."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An operation that a policy may draw.

    Attributes:
        operation: Its name in `OPERATIONS`.
        weight: Its probability, relative to the others.
        strength: Strength at each level.
        is_signed: Whether the level gets a random sign.
    """

    operation: str
    weight: float = 1.0
    strength: Strength = lambda level, _: level
    is_signed: bool = False


def between(low: float, high: float) -> Strength:
    """Return a strength that grows from `low` to `high` with the level."""
    return lambda level, _: low + (high - low) * level


def list_wide_choices(
    *, shear: float, shift: Strength, angle: float, change: float, bits: int
) -> tuple[Choice, ...]:
    """Return the operations of TrivialAugment and RandAugment, with their strongest strengths.

    Args:
        shear: Tangent of the angle of a shear.
        shift: Pixels of a translation at each level.
        angle: Degrees of a rotation.
        change: Change of brightness, colour, contrast and sharpness.
        bits: Bits that posterization drops.
    """
    signed: dict[str, Strength] = {
        "shear_x": between(0, shear),
        "shear_y": between(0, shear),
        "translate_x": shift,
        "translate_y": shift,
        "rotate": between(0, angle),
        **dict.fromkeys(("brightness", "colour", "contrast", "sharpness"), between(1, 1 + change)),
    }
    return (
        *(Choice(operation=name, strength=each, is_signed=True) for name, each in signed.items()),
        Choice(operation="posterize", strength=lambda level, _: (8 - bits * level).round()),
        Choice(operation="solarize", strength=between(1, 0)),
        *(Choice(operation=name) for name in ("identity", "autocontrast", "equalize")),
    )


def list_idbh_choices(
    weights: Mapping[str, float], *, shear: float, angle: int
) -> tuple[Choice, ...]:
    """Return the operations on colours and shapes of a version of IDBH.

    Args:
        weights: Probability of each kind of operation.
        shear: Strongest shear in the published code; the weakest is 0.05. The code takes it for an
            angle in radians, so that images are sheared by its tangent.
        angle: Largest angle of a rotation in degrees; angles are whole numbers from 1.
    """
    colours: dict[str, Strength] = {
        "colour": between(0.1, 1.9),
        "brightness": between(0.5, 1.9),
        "contrast": between(0.5, 1.9),
        "sharpness": between(0.1, 1.9),
        "autocontrast": between(0, 0),
        "equalize": between(0, 0),
    }
    shapes: dict[str, Strength] = {
        **dict.fromkeys(
            ("skew_x", "skew_y"),
            lambda level, _: copysign(0.05 + (shear - 0.05) * level.abs(), level).tan(),
        ),
        "rotate": lambda level, _: copysign((angle * level.abs()).floor() + 1, level),
    }
    shares = {**weights, "skew_x": weights["shear"] / 2, "skew_y": weights["shear"] / 2}
    return tuple(
        Choice(operation=name, weight=shares[name], strength=each, is_signed=name in shapes)
        for name, each in (colours | shapes).items()
    )


TRIVIAL_AUGMENT = list_wide_choices(
    shear=0.99, shift=between(0, 32), angle=135, change=0.99, bits=6
)
RAND_AUGMENT = list_wide_choices(
    shear=0.3, shift=lambda level, width: level * (width * 150 / 331), angle=30, change=0.9, bits=4
)


@dataclass(frozen=True, kw_only=True)
class Idbh:
    """A version of IDBH.

    Attributes:
        choices: Its operations on colours and shapes.
        shift: Largest number of pixels that CropShift removes, of both directions together.
        erasing: Probability of a black rectangle.
        largest: Largest area of the rectangle, as a share of the image.
    """

    choices: tuple[Choice, ...]
    shift: int
    erasing: float
    largest: float


COLOUR_BIASED = list_idbh_choices(
    dict.fromkeys(
        (
            "colour",
            "brightness",
            "contrast",
            "sharpness",
            "autocontrast",
            "equalize",
            "shear",
            "rotate",
        ),
        1 / 8,
    ),
    shear=0.15,
    angle=10,
)
SHAPE_BIASED = list_idbh_choices(
    {
        **dict.fromkeys(("colour", "brightness", "sharpness", "equalize"), 0.08),
        **dict.fromkeys(("contrast", "autocontrast"), 0.04),
        **dict.fromkeys(("shear", "rotate"), 0.3),
    },
    shear=0.35,
    angle=30,
)
IDBH = {
    "idbh_weak": Idbh(choices=COLOUR_BIASED, shift=10, erasing=0.5, largest=0.33),
    "idbh_strong": Idbh(choices=COLOUR_BIASED, shift=10, erasing=1.0, largest=0.33),
    "idbh_svhn": Idbh(choices=SHAPE_BIASED, shift=8, erasing=1.0, largest=0.5),
}


def apply_policy(
    x: Tensor,
    rng: Generator,
    *,
    policy: Policy = "none",
    policy_operations: Count = 2,
    policy_level: Level = 9,
) -> Tensor:
    """Return images augmented by a policy, before crop, flip and cutout.

    Args:
        x: Images (N, C, H, W) in [0, 1].
        rng: Generator of the draws, on the device of `x`.
        policy: "trivial_augment" applies one operation of a random strength to each image,
            "rand_augment" several of one strength. The versions of "idbh" are meant for networks of
            low (weak) and high capacity (strong) on CIFAR-10, and for SVHN; they shift and erase
            parts of images too, so that they replace crop and cutout. Use them with flip, but on
            SVHN.
        policy_operations: Operations of rand_augment.
        policy_level: Strength of rand_augment, from 0 to 30.
    """
    n = len(x)
    if policy == "trivial_augment":
        levels = torch.randint(LEVELS + 1, (n,), generator=rng, device=x.device) / LEVELS
        return apply_choices(x, rng, TRIVIAL_AUGMENT, levels)
    if policy == "rand_augment":
        for _ in range(policy_operations):
            x = apply_choices(x, rng, RAND_AUGMENT, x.new_full((n,), policy_level / LEVELS))
        return x
    if version := IDBH.get(policy):
        x = crop_shift(x, rng, version.shift)
        levels = torch.rand(n, generator=rng, device=x.device)
        x = apply_choices(x, rng, version.choices, levels)
        return erase_rectangles(x, rng, probability=version.erasing, largest=version.largest)
    return x


def apply_choices(x: Tensor, rng: Generator, choices: tuple[Choice, ...], levels: Tensor) -> Tensor:
    """Return images each of which is changed by one of the operations.

    Args:
        x: Images (N, C, H, W) in [0, 1].
        rng: Generator of operations and signs.
        choices: The operations.
        levels: Level of each image (N,) in [0, 1].
    """
    weights = x.new_tensor([choice.weight for choice in choices])
    drawn = torch.multinomial(weights, len(x), replacement=True, generator=rng)
    signs = 2 * torch.randint(2, (len(x),), generator=rng, device=x.device) - 1
    result = x.clone()
    for index, choice in enumerate(choices):
        rows = (drawn == index).nonzero()[:, 0]
        if not len(rows):
            continue
        level = levels[rows] * signs[rows] if choice.is_signed else levels[rows]
        strength = choice.strength(level, x.shape[3]).view(-1, 1, 1, 1)
        result[rows] = OPERATIONS[choice.operation](x[rows], strength)
    return result


def unused(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a problem if a knob of rand_augment is set with another policy."""
    data, knobs = config["data"], read_knobs(apply_policy)
    for name in ("policy_operations", "policy_level"):
        if (
            data.get("policy") not in (None, "rand_augment")
            and data.get(name) != knobs[name].default
        ):
            yield f"data.{name}: has no effect without data.policy=rand_augment."


def conflicts(config: Mapping[str, Mapping[str, object]]) -> Iterator[str]:
    """Yield a problem if IDBH is combined with what it replaces."""
    policy = config["data"].get("policy")
    for name in ("crop", "cutout"):
        if policy in IDBH and config["data"].get(name, 1):
            yield f"data.{name}: must be 0 with data.policy={policy}, which replaces it."
