"""An evaluation that can be made: everything checked, nothing attacked yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn import Module

from trainables.binding import bind_member, check_member
from trainables.bound_components import BoundMember, bound_model
from trainables.components import GROUPS
from trainables.data_pipeline.images import DataError, Dataset, Images
from trainables.errors import InputError
from trainables.hparams.trusted_code import check_trusted
from trainables.threat import Threat
from trainables.training.checkpoint import (
    build_model,
    load_external_model,
    load_model,
    read_metadata,
)
from tuner.cli.schema import validate_arguments
from tuner.config.domains import is_domain
from tuner.evaluation import table
from tuner.evaluation.arguments import TRIAL_GROUPS
from tuner.evaluation.best_folder import read_best_config
from tuner.evaluation.checkpoints import CheckpointRef, find_checkpoints
from tuner.evaluation.checks import checkpoint_problems
from tuner.evaluation.settings import EvaluationSettings
from tuner.evaluation.suites import ATTACKS, Attack, parse_suite
from tuner.layout import RESULTS_FOLDER

SUBSET_SEED = 0
"""Of the draw of test images: the same for every checkpoint that so many are asked of."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What to attack, how, on what.

    Attributes:
        folder: Where results go.
        settings: Of the evaluation.
        attacks: In order.
        checkpoints: The checkpoints.
        threat: The set of allowed perturbations.
        norm: Its name.
        data: Name and knobs of the data set.
        images: The test images.
        classes: Number of classes K.
    """

    folder: Path
    settings: EvaluationSettings
    attacks: list[Attack]
    checkpoints: list[CheckpointRef]
    threat: Threat
    norm: str
    data: dict[str, object]
    images: Images
    classes: int


def prepare_evaluation(
    folders: Sequence[str], arguments: Mapping[str, Any], problems: Sequence[str]
) -> Evaluation:
    """Return the evaluation that the arguments describe.

    Args:
        folders: Of searches, one at most.
        arguments: As `tuner.arguments.read` returns them.
        problems: What is known to be wrong already.

    Raises:
        InputError: If anything is wrong, with all that is.
    """
    valid, invalid = validate_arguments(EvaluationSettings, arguments)
    settings = EvaluationSettings(**valid)
    problems = [*problems, *invalid, *check_no_domains(arguments)]
    own = {k: v for k, v in arguments.items() if k in ATTACKS.members()}
    suite, wrong = parse_suite(settings.suite, own)
    problems += [*check_evaluation_target(folders, settings, arguments), *wrong]
    base: Mapping[str, Any] = {}
    if not settings.weights and len(folders) == 1:
        try:
            base = read_best_config(Path(folders[0]))
        except InputError as error:
            problems += error.problems
    chosen = {
        group: overlay_group(base.get(group, {}), arguments.get(group, {}))
        for group in TRIAL_GROUPS
    }
    if wrong := list(check_trusted(values.get("name") for values in chosen.values())):
        raise InputError([*problems, *wrong])
    needed = [g for g in TRIAL_GROUPS if g != "model" or lacks_description(settings)]
    for group in needed if base or settings.weights else []:
        values = dict(chosen[group])
        problems += check_member(group, GROUPS[group], values.pop("name", None), values)
    if problems:
        raise InputError(problems)
    dataset = load_evaluation_data(chosen["data"])
    problems += check_suite(settings, suite, dataset)
    if problems:
        raise InputError(problems)
    folder = (
        Path(settings.results or default_results_folder(settings))
        if settings.weights
        else Path(folders[0])
    )
    device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    images = draw_subset(dataset.test, settings.images).to(device)
    found = resolve_checkpoints(folder, settings, chosen["model"], dataset)
    check_checkpoints(folder, found, dataset, images)
    return Evaluation(
        folder=folder,
        settings=settings,
        attacks=suite,
        checkpoints=found,
        threat=bind_group("threat", chosen["threat"])["build"](),
        norm=str(chosen["threat"]["name"]),
        data=chosen["data"],
        images=images,
        classes=dataset.classes,
    )


def check_checkpoints(
    folder: Path, checkpoints: Sequence[CheckpointRef], dataset: Dataset, images: Images
) -> None:
    """See that every checkpoint can be attacked and what comes of it written, before any is.

    Raises:
        InputError: If not, with all that is wrong.
    """
    table.read_table(folder)
    if problems := [
        each for one in checkpoints for each in checkpoint_problems(one, dataset, images)
    ]:
        raise InputError(problems)
    table.check_writable(folder)


def check_evaluation_target(
    folders: Sequence[str], settings: EvaluationSettings, arguments: Mapping[str, object]
) -> Iterator[str]:
    """Yield what is wrong with what is to be evaluated."""
    if settings.weights and folders:
        yield f"{folders[0]}: give a folder or weights=, not both."
    elif not settings.weights and len(folders) != 1:
        given = ", ".join(folders) or "none"
        yield f"FOLDER: expected the results folder of one search, got {given}."
    if settings.results and not settings.weights:
        yield "results: goes with weights=; rows on a search lie in its own folder."
    if "model" in arguments and not lacks_description(settings):
        yield "model: what is evaluated says itself of what network it is; leave model= away."
    if settings.device == "cuda" and not torch.cuda.is_available():
        yield "device: there is no GPU here; write device=cpu."
    if settings.weights and not Path(settings.weights).is_file():
        yield f"weights: there is no file {settings.weights}."


def check_no_domains(arguments: Mapping[str, object]) -> Iterator[str]:
    """Yield the problem of a range, which an evaluation has no use for."""
    for group, values in arguments.items():
        for knob, value in values.items() if isinstance(values, dict) else []:
            if is_domain(value):
                yield f"{group}.{knob}: is searched by tuner.search; give an evaluation one value."


def overlay_group(base: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Return the knobs of a group with others on top, which count alone for another member."""
    other = "name" in upper and upper["name"] != base.get("name")
    return {**({} if other else base), **upper}


def lacks_description(settings: EvaluationSettings) -> bool:
    """Return whether weights do not say of what network they are."""
    if settings.weights is None:
        return False
    file = Path(settings.weights)
    return file.suffix != ".safetensors" or not file.is_file() or not read_metadata(file)


def bind_group(group: str, values: Mapping[str, Any]) -> BoundMember:
    """Return the member of a group with its knobs set."""
    settings = dict(values)
    return bind_member(GROUPS[group], settings.pop("name"), settings)


def load_evaluation_data(data: Mapping[str, object]) -> Dataset:
    """Return the data set.

    Raises:
        InputError: If it cannot be had.
    """
    try:
        dataset: Dataset = bind_group("data", data)["load"]()
    except DataError as error:
        raise InputError([f"data: {error}"]) from None
    return dataset


def check_suite(
    settings: EvaluationSettings, suite: list[Attack], dataset: Dataset
) -> Iterator[str]:
    """Yield what the data set does not allow."""
    number = len(dataset.test)
    if settings.images and settings.images > number:
        yield f"images: must be at most the {number} test images, got {settings.images}."
    for attack in suite:
        if clash := attack.class_conflict(dataset.classes):
            yield f"suite: {attack.label} {clash}."
            continue
        try:
            attack.build_attempts(dataset.classes)
        except (FileNotFoundError, InputError) as error:
            yield from getattr(error, "each", [f"{attack.label}: {error}"])


def draw_subset(images: Images, number: int | None) -> Images:
    """Return so many of the images, drawn at random, in their own order; `None`: all."""
    if number is None or number == len(images):
        return images
    rng = torch.Generator().manual_seed(SUBSET_SEED)
    rows = torch.randperm(len(images), generator=rng)[:number].sort().values
    return images[rows]


def default_results_folder(settings: EvaluationSettings) -> Path:
    """Return the folder for the results on a file."""
    return Path(RESULTS_FOLDER) / Path(settings.weights or "").stem


def resolve_checkpoints(
    folder: Path, settings: EvaluationSettings, model: Mapping[str, Any], dataset: Dataset
) -> list[CheckpointRef]:
    """Return the checkpoints."""
    if settings.weights is None:
        return find_checkpoints(
            folder, top=settings.top, rules=settings.rules, seeds=settings.seeds
        )
    file = Path(settings.weights)
    if not lacks_description(settings):
        return [CheckpointRef(path=file, rule="given", loader=partial(load_model, file))]

    def read() -> Module:
        own = bound_model(bind_group("model", model))
        return load_external_model(file, build_model(own, model["name"], dataset.image_format))

    return [CheckpointRef(path=file, rule="given", loader=read, model_name=model["name"])]
