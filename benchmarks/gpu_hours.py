"""GPU-hours of the tables of papers: `uv run python -m benchmarks.gpu_hours`.

No GPU has been measured by this project. What is counted is exact: the forward passes with
gradients that each cell trains with, and the multiplications that one takes in its network. How
many of them a GPU does in an hour is taken from three published trainings, whose networks and
passes are counted in the same way, so a table costs something between the slowest and the
quickest of them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from statistics import fmean
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from search_spaces.tables._published import load_lines
from trainables.binding import bind_member, bound_model
from trainables.components import GROUPS
from trainables.data_pipeline.images import ImageFormat
from trainables.hparams import registry
from trainables.training.network import build_network
from trainables.training.trial import Trial
from tuner.config.compose import compose_plan
from tuner.config.plan import Plan, Variant
from tuner.config.preflight.representative import build_configuration, sample_knob_values
from tuner.config.preflight.timing import skip_validation, time_training
from tuner.config.study_groups import SPACES_PACKAGE
from tuner.search import parse_search_arguments

Config = Mapping[str, Mapping[str, object]]

TRAINING_IMAGES = {"cifar10": 50_000, "svhn": 73_257, "mnist": 60_000, "mnist5k": 4_000}
"""Training images of each data set that a table trains on, before any are held out."""
GREY_SHAPE, COLOUR_SHAPE = (1, 28, 28), (3, 32, 32)
COUNTED_IMAGES = 2
"""Images that passes are counted on; all images of an epoch take as many."""


@dataclass(frozen=True, kw_only=True)
class Speed:
    """A training run with a published duration.

    Attributes:
        source: Paper, network and GPU.
        words: The configuration as command-line arguments.
        hours_per_epoch: Hours of one epoch over 50,000 images of CIFAR-10.
    """

    source: str
    words: tuple[str, ...]
    hours_per_epoch: float

    @property
    def multiplications_per_hour(self) -> float:
        """Multiplications of forward passes per hour."""
        config = build_config(*self.words)
        return (
            TRAINING_IMAGES["cifar10"]
            * count_passes(config)
            * count_multiplications(config)
            / self.hours_per_epoch
        )


def find_published_minutes(table: str, method: str) -> float:
    """Return published minutes of training with a method."""
    (found,) = (
        float(line["value"])
        for line in load_lines()
        if (line["table"], line["method"]) == (table, method)
        and line["metric"].startswith("train_minutes")
    )
    return found


def list_speeds() -> list[Speed]:
    """Return the published speeds, the slowest first."""
    fgsm = build_config("recipe=grad_align", "method=fgsm")
    found = [
        Speed(
            source="Rice et al. (arXiv:2002.11569), 54 published logs of a PreAct-ResNet-18 with "
            "PGD-10, median of 277 s an epoch (the logs do not name the GPU; half of the runs "
            "lie between 192 and 358 s)",
            words=("recipe=rice2020",),
            hours_per_epoch=277 / 3600,
        ),
        Speed(
            source="HE (arXiv:2002.08619), Table C, PGD-AT on a WRN-34-10, 19.22 minutes an epoch "
            "(GPUs not named; there may have been several)",
            words=("recipe=he_pgd_at", "model=wrn_34_10"),
            hours_per_epoch=find_published_minutes("Table C", "PGD-AT") / 60,
        ),
        Speed(
            source="GradAlign (arXiv:2007.02617), FGSM on a PreAct-ResNet-18, 9.5 minutes for "
            f"{fgsm['epochs']} epochs on a V100 in half precision",
            words=("recipe=grad_align", "method=fgsm"),
            hours_per_epoch=find_published_minutes("text:l4", "FGSM")
            / 60
            / float(str(fgsm["epochs"])),
        ),
    ]
    return sorted(found, key=lambda each: each.multiplications_per_hour)


def build_config(*words: str) -> dict[str, Any]:
    """Return the configuration of a trial."""
    arguments, problems = parse_search_arguments(list(words))
    plan = compose_plan(
        {"searcher": {"name": "random"}, "trials": 1, **arguments}, problems, single=True
    )
    return complete_config(plan, plan.variants[0].fixed)


def complete_config(plan: Plan, groups: Config) -> dict[str, Any]:
    """Return groups with the other entries of a trial's configuration."""
    return {**groups, **plan.shared_config(), "epochs": plan.epochs, "device": "cpu"}


def count_passes(config: Config) -> float:
    """Return the forward passes with gradients per image and epoch.

    They are counted on a small network and embedded images: their number does not depend on the
    network, the images or on how many are misclassified.
    """
    toy = build_config("recipe=mnist5k", "model=small_cnn")
    head = {key: config["model"][key] for key in ("head", "s")}
    return measure_passes(json.dumps({**config, "data": toy["data"], "model": toy["model"] | head}))


@cache
def measure_passes(config: str) -> float:
    """Return the passes of a configuration that can be trained here, written as JSON."""
    trial = Trial(json.loads(config))
    skip_validation(trial)
    return time_training(trial, trial.train_images[:COUNTED_IMAGES])[1]


def count_multiplications(config: Config) -> float:
    """Return those of one image's forward pass through the network of a configuration."""
    shape = GREY_SHAPE if config["data"]["name"] in ("mnist", "mnist5k") else COLOUR_SHAPE
    return count_forward_multiplications(json.dumps(config["model"]), shape)


@cache
def count_forward_multiplications(model: str, shape: tuple[int, int, int]) -> float:
    """Return the multiplications of a network whose knobs are written as JSON, for one image."""
    knobs = dict(json.loads(model))
    bound = bound_model(bind_member(GROUPS["model"], knobs.pop("name"), knobs))
    images = ImageFormat(shape=shape, classes=10, mean=(0.0,) * shape[0], std=(1.0,) * shape[0])
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        build_network(bound, images).eval()(torch.empty(1, *shape))
    operations: int = counter.get_total_flops()
    return operations / 2  # torch counts an addition with each multiplication


@dataclass(frozen=True, kw_only=True)
class TableCost:
    """Cost of all cells of a table, each trained once.

    Attributes:
        space: Its name.
        cells: Trials.
        epochs: Of each.
        multiplications: In forward passes, of all epochs of all cells.
    """

    space: str
    cells: int
    epochs: int
    multiplications: float

    def compute_gpu_hours(self, speed: Speed) -> float:
        """Return its GPU-hours at a speed."""
        return self.multiplications / speed.multiplications_per_hour


def compute_table_cost(space: str) -> TableCost:
    """Return the cost of a space."""
    plan = compose_plan(*parse_search_arguments([f"space={space}"]))
    return TableCost(
        space=space,
        cells=plan.trials,
        epochs=plan.epochs,
        multiplications=plan.trials
        * fmean(compute_cell_cost(plan, each) for each in plan.variants),
    )


def compute_cell_cost(plan: Plan, variant: Variant) -> float:
    """Return the multiplications of a trial of a variant: its training and validation."""
    config = complete_config(
        plan, build_configuration(variant, next(sample_knob_values(variant, plan.settings.seed)))
    )
    held_out, exam = config["data"]["validation"], config["exam"]
    images = TRAINING_IMAGES[config["data"]["name"]] - held_out
    # validation computes one forward pass per attack step and one more
    validation_passes = held_out * (1 + exam["steps"] * exam["restarts"])
    passed: float = plan.epochs * (images * count_passes(config) + validation_passes)
    return passed * count_multiplications(config)


def list_table_costs() -> Iterator[TableCost]:
    """Yield the cost of every space with published numbers."""
    for name in registry.list_members(SPACES_PACKAGE):
        if hasattr(registry.load_member(SPACES_PACKAGE, name), "published"):
            yield compute_table_cost(name)


def main() -> None:
    """Print the speeds and the tables."""
    known = list_speeds()
    for speed in known:
        print(
            f"{speed.multiplications_per_hour / 3600 / 1e12:.1f}e12 multiplications/s: "
            f"{speed.source}"
        )
    slow, *_, quick = known
    for each in list_table_costs():
        hours = f"{each.compute_gpu_hours(quick):.0f} to {each.compute_gpu_hours(slow):.0f}"
        print(f"{each.space}: {each.cells} cells of {each.epochs} epochs, {hours} GPU-hours")


if __name__ == "__main__":
    main()
