"""What is measured: networks, sizes and time, in full on a GPU and tiny on a CPU."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

Values = dict[str, Any]
"""Measurements as they are written to JSON."""
Keep = Callable[[str, Any], None]
"""Stores a measurement under a name, at once, so that it outlives what follows."""
NO_KNOBS: Mapping[str, Any] = MappingProxyType({})
CROP_AND_FLIP = MappingProxyType({"crop": 4, "padding": "reflect", "flip": True})
COLOUR, GREY = (3, 32, 32), (1, 28, 28)


@dataclass(frozen=True, kw_only=True)
class NetworkSettings:
    """A network and the images that it is trained on.

    Attributes:
        shape: Channels, height and width of an image.
        model: Member of the group `model`.
        knobs: Knobs of the model.
        augmentation: Knobs of the group `data`.
    """

    shape: tuple[int, int, int]
    model: str
    knobs: Mapping[str, Any] = field(default_factory=dict)
    augmentation: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The size of every measurement.

    Attributes:
        device: "cuda" or "cpu".
        networks: The networks by name; the first is used where one is enough.
        batch_size: Images in a batch.
        attack_steps: Steps of PGD.
        steps_per_call: Updates in one timed call.
        warm_up_calls: Calls before the first timed one; a graph is captured at the fourth step.
        rounds: Timed calls of each contender.
        slow_call_seconds: A contender whose call takes longer is timed in the first round only.
        epoch_images: Training images of an epoch.
        validation_images: Images of the validation attack.
        packings: Numbers of processes at a time.
        packing_seconds: Seconds for which each number is measured.
        suite: Attacks of the evaluation, in this project's names.
        evaluated_images: Numbers of images to evaluate on, in this order while time allows.
        digits: Knobs of the data set of the evaluated network that differ from its recipe.
        with_compile: Whether a plain loop with torch.compile is a contender.
    """

    device: str
    networks: Mapping[str, NetworkSettings]
    batch_size: int = 128
    attack_steps: int = 10
    steps_per_call: int = 4
    warm_up_calls: int = 2
    rounds: int = 6
    slow_call_seconds: float = 4.0
    epoch_images: int = 8000
    validation_images: int = 1000
    packings: tuple[int, ...] = (1, 2, 4, 8)
    packing_seconds: float = 4.0
    suite: tuple[str, ...] = ("apgd_ce", "apgd_t", "fab_t", "square")
    evaluated_images: tuple[int, ...] = (256, 1000)
    digits: Mapping[str, Any] = field(default_factory=dict)
    with_compile: bool = False

    @property
    def first_network(self) -> str:
        """Name of the network that is used where one is enough."""
        return next(iter(self.networks))


FULL = Settings(
    device="cuda",
    networks={
        "preact_resnet18": NetworkSettings(
            shape=COLOUR, model="preact_resnet18", augmentation=CROP_AND_FLIP
        ),
        "wrn_28_10": NetworkSettings(shape=COLOUR, model="wrn_28_10", augmentation=CROP_AND_FLIP),
        "small_cnn": NetworkSettings(shape=GREY, model="small_cnn"),
    },
)
TINY = Settings(
    device="cpu",
    networks={"small_cnn": NetworkSettings(shape=(3, 8, 8), model="small_cnn")},
    batch_size=4,
    attack_steps=1,
    steps_per_call=1,
    warm_up_calls=1,
    rounds=2,
    epoch_images=20,
    validation_images=10,
    packings=(1, 2),
    packing_seconds=0.1,
    suite=("apgd_ce",),
    evaluated_images=(8,),
    digits={"limit": 100, "validation": 20},
)
PRESETS = {"cuda": FULL, "cpu": TINY}
"""The size of the measurement on each device."""


class Deadline:
    """The end of the time that a measurement has.

    Args:
        seconds: Time from now on.
    """

    def __init__(self, seconds: float) -> None:
        self.end = time.perf_counter() + seconds

    def seconds_left(self) -> float:
        """Return the seconds until the end; negative: it is past."""
        return self.end - time.perf_counter()
