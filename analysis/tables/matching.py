"""Published rows whose settings are exactly those of a run that was not made as a table.

Only PGD-AT's rows of Bag of Tricks (arXiv:2010.00467) say enough of their settings; its TRADES rows
leave out beta.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from analysis.tables.papers import PaperTable
from analysis.tables.published import list_tables
from search_spaces.tables._published import (
    NETWORK_NAMES,
    OPTIMIZER_KNOBS,
    PublishedRow,
    list_rows,
    parse_fraction,
)

Config = Mapping[str, object]
PAPER = "bag_of_tricks"
SHARED_KNOBS: dict[str, object] = {
    "data.name": "cifar10",
    "data.limit": None,
    "data.crop": 4,
    "data.padding": "reflect",
    "data.flip": True,
    "data.cutout": 0,
    "data.mixup": 0.0,
    "data.cutmix": 0.0,
    "data.policy": "none",
    "model.head": "linear",
    "model.normalize": "data",
    "model.leaky_slope": 0.1,
    "model.elu_alpha": 1.0,
    "model.celu_alpha": 1.2,
    "model.softplus_beta": 1.0,
    "method.name": "pgd_at",
    "criterion.name": "cross_entropy",
    "attack.steps": 10,
    "attack.step_size": 2 / 255,
    "attack.restarts": 1,
    "attack.start": "random",
    "update.name": "alternate",
    "optimizer.lr_batch_size": None,
    "schedule.name": "piecewise",
    "schedule.decay": 0.1,
    "eps_schedule.name": "constant",
    "average.name": "none",
    "periods.resets": [],
}
"""What all its rows share without saying so, by its code where the paper is silent; what a member
does not have is left out."""
FORMER_NORMALIZATION = ("model.normalize", True)
"""What means "data" in studies of earlier versions."""
QUARTER_STEP = ("attack.step_size", None)
"""Means a quarter of eps, which 2/255 is."""
OPTIMIZER_DEFAULTS: dict[str, object] = {"momentum": 0.9, "nesterov": False, "centralize": "no"}
"""What an optimizer is unless its name in the paper says otherwise."""
ROW_KNOBS: dict[str, tuple[str, Callable[[str], object]]] = {
    "weight_decay": ("optimizer.weight_decay", float),
    "norm": ("threat.name", str),
    "eps": ("threat.eps", parse_fraction),
    "lr": ("optimizer.lr", float),
    "batch_size": ("data.batch_size", int),
    "activation": ("model.activation", str),
    "label_smoothing": ("criterion.smoothing", float),
    "bn_mode": ("update.mode", str),
}
"""Words of a row: the knob that each is of, and how its value is read."""
EPOCH_KNOBS = {
    "lr_decay_epochs": "schedule.drops",
    "warmup_lr_epochs": "schedule.warmup",
    "warmup_eps_epochs": "eps_schedule.warmup",
}
"""Words of a row that are in epochs: the knob of ours, a share of the run."""


@dataclass(frozen=True)
class PublishedSetting:
    """A published row with enough settings to compare with.

    Attributes:
        source: The table that it stands in.
        numbers: What was measured.
        epochs: Of its run.
        knobs: What each knob must be, by path.
    """

    source: PaperTable
    numbers: Mapping[str, str]
    epochs: int
    knobs: tuple[tuple[str, object], ...]


def find_published(config: Config, epochs: int) -> tuple[dict[str, str], list[PaperTable]]:
    """Return the numbers published for exactly these settings, and the tables with them.

    Args:
        config: The path of each knob to its value.
        epochs: Of the run.
    """
    said = {
        path: "data" if (path, value) == FORMER_NORMALIZATION else value
        for path, value in config.items()
        if (path, value) != QUARTER_STEP
    }
    found = [
        each
        for each in load_settings()
        if each.epochs == epochs
        and all(is_close(said.get(path, wanted), wanted) for path, wanted in each.knobs)
    ]
    numbers = {metric: number for each in found for metric, number in each.numbers.items()}
    return numbers, [each.source for each in found]


@cache
def load_settings() -> list[PublishedSetting]:
    """Return the published rows with enough settings to compare with."""
    needed = {*ROW_KNOBS, *EPOCH_KNOBS, "epochs", "optimizer", "attack_early_stop"}
    return [
        PublishedSetting(source, row.numbers, epochs, tuple(list_expected_knobs(row, epochs)))
        for source in list_tables()
        for row in (list_rows(source.paper, source.table) if source.paper == PAPER else ())
        if row.method == "PGD-AT" and row.setting.keys() >= needed
        for epochs in (int(row.setting["epochs"]),)
    ]


def list_expected_knobs(row: PublishedRow, epochs: int) -> Iterator[tuple[str, object]]:
    """Yield the knobs of a row and their values, first the knobs that differ between rows."""
    yield from ((path, read(row.setting[word])) for word, (path, read) in ROW_KNOBS.items())
    network = NETWORK_NAMES.get(row.architecture, row.architecture)
    yield "model.name", network
    yield "model.width", 16 if network.startswith("wrn") else 64
    for word, path in EPOCH_KNOBS.items():
        shares = [int(epoch) / epochs for epoch in row.setting[word].split(":")]
        yield path, shares if word == "lr_decay_epochs" else shares[0]
    for knob, value in (OPTIMIZER_DEFAULTS | OPTIMIZER_KNOBS[row.setting["optimizer"]]).items():
        yield f"optimizer.{knob}", value
    yield from list_attack_knobs(row.setting["attack_early_stop"], epochs)
    yield from SHARED_KNOBS.items()


def list_attack_knobs(stops: str, epochs: int) -> Iterator[tuple[str, object]]:
    """Yield the knobs of the attack."""
    yield "attack.name", "pgd" if stops == "none" else "friendly"
    if stops != "none":
        yield "attack.grows", [int(epoch) / epochs for epoch in stops.split(":")]


def is_close(value: object, wanted: object) -> bool:
    """Return whether two values are the same but for rounding.

    >>> is_close(8 / 255, 0.031372549019), is_close([0.5], (0.5,)), is_close(None, 0.1)
    (True, True, False)
    """
    if isinstance(value, list | tuple) and isinstance(wanted, list | tuple):
        return len(value) == len(wanted) and all(map(is_close, value, wanted))
    if isinstance(value, int | float) and isinstance(wanted, int | float):
        return math.isclose(value, wanted, rel_tol=1e-9)
    return value == wanted
