"""An evaluation that can be made: everything checked, nothing attacked yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.nn import Module

from trainables.bind import complaints, filled
from trainables.bound_components import BoundMember, bound_model
from trainables.checkpoint import built, described, load_foreign, load_model
from trainables.groups import GROUPS
from trainables.images import DataError, Dataset, Images
from trainables.problems import InputError
from trainables.threat import Threat
from trainables.trust import untrusted
from tuner import ledger
from tuner.best import configuration
from tuner.candidates import Candidate, candidates
from tuner.domains import is_domain
from tuner.evaluation_help import FROM_TRIALS
from tuner.evaluation_settings import EvaluationSettings
from tuner.keys import validate_arguments
from tuner.suites import ATTACKS, Attack, attacks
from tuner.usable import unusable
from tuner.working_copy import RESULTS

SUBSET_SEED = 0
"""Of the draw of test images: the same for every checkpoint that so many are asked of."""


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What to attack, how, on what.

    Attributes:
        folder: Where results go.
        settings: Of the evaluation.
        attacks: In order.
        candidates: The checkpoints.
        threat: The set of allowed perturbations.
        norm: Its name.
        data: Name and knobs of the data set.
        images: The test images.
        classes: Number of classes K.
    """

    folder: Path
    settings: EvaluationSettings
    attacks: list[Attack]
    candidates: list[Candidate]
    threat: Threat
    norm: str
    data: dict[str, object]
    images: Images
    classes: int


def prepared(
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
    problems = [*problems, *invalid, *searched(arguments)]
    own = {k: v for k, v in arguments.items() if k in ATTACKS.members()}
    suite, wrong = attacks(settings.suite, own)
    problems += [*misplaced(folders, settings, arguments), *wrong]
    base: Mapping[str, Any] = {}
    if not settings.weights and len(folders) == 1:
        try:
            base = configuration(Path(folders[0]))
        except InputError as error:
            problems += error.each
    chosen = {group: over(base.get(group, {}), arguments.get(group, {})) for group in FROM_TRIALS}
    if wrong := list(untrusted(values.get("name") for values in chosen.values())):
        raise InputError([*problems, *wrong])
    needed = [g for g in FROM_TRIALS if g != "model" or foreign(settings)]
    for group in needed if base or settings.weights else []:
        values = dict(chosen[group])
        problems += complaints(group, GROUPS[group], values.pop("name", None), values)
    if problems:
        raise InputError(problems)
    dataset = load(chosen["data"])
    problems += unfit(settings, suite, dataset)
    if problems:
        raise InputError(problems)
    folder = Path(settings.results or beside(settings)) if settings.weights else Path(folders[0])
    device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    images = drawn(dataset.test, settings.images).to(device)
    found = looked_at(folder, settings, chosen["model"], dataset)
    secure(folder, found, dataset, images)
    return Evaluation(
        folder=folder,
        settings=settings,
        attacks=suite,
        candidates=found,
        threat=bound("threat", chosen["threat"])["build"](),
        norm=str(chosen["threat"]["name"]),
        data=chosen["data"],
        images=images,
        classes=dataset.classes,
    )


def secure(folder: Path, found: Sequence[Candidate], dataset: Dataset, images: Images) -> None:
    """See that every checkpoint can be attacked and what comes of it written, before any is.

    Raises:
        InputError: If not, with all that is wrong.
    """
    ledger.read(folder)
    if problems := [each for one in found for each in unusable(one, dataset, images)]:
        raise InputError(problems)
    ledger.claim(folder)


def misplaced(
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
    if "model" in arguments and not foreign(settings):
        yield "model: what is evaluated says itself of what network it is; leave model= away."
    if settings.device == "cuda" and not torch.cuda.is_available():
        yield "device: there is no GPU here; write device=cpu."
    if settings.weights and not Path(settings.weights).is_file():
        yield f"weights: there is no file {settings.weights}."


def searched(arguments: Mapping[str, object]) -> Iterator[str]:
    """Yield the problem of a range, which an evaluation has no use for."""
    for group, values in arguments.items():
        for knob, value in values.items() if isinstance(values, dict) else []:
            if is_domain(value):
                yield f"{group}.{knob}: is searched by tuner.search; give an evaluation one value."


def over(base: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Return the knobs of a group with others on top, which count alone for another member."""
    other = "name" in upper and upper["name"] != base.get("name")
    return {**({} if other else base), **upper}


def foreign(settings: EvaluationSettings) -> bool:
    """Return whether weights do not say of what network they are."""
    if settings.weights is None:
        return False
    file = Path(settings.weights)
    return file.suffix != ".safetensors" or not file.is_file() or not described(file)


def bound(group: str, values: Mapping[str, Any]) -> BoundMember:
    """Return the member of a group with its knobs set."""
    settings = dict(values)
    return filled(GROUPS[group], settings.pop("name"), settings)


def load(data: Mapping[str, object]) -> Dataset:
    """Return the data set.

    Raises:
        InputError: If it cannot be had.
    """
    try:
        dataset: Dataset = bound("data", data)["load"]()
    except DataError as error:
        raise InputError([f"data: {error}"]) from None
    return dataset


def unfit(settings: EvaluationSettings, suite: list[Attack], dataset: Dataset) -> Iterator[str]:
    """Yield what the data set does not allow."""
    number = len(dataset.test)
    if settings.images and settings.images > number:
        yield f"images: must be at most the {number} test images, got {settings.images}."
    for attack in suite:
        if clash := attack.clash(dataset.classes):
            yield f"suite: {attack.word} {clash}."
            continue
        try:
            attack.passes(dataset.classes)
        except (FileNotFoundError, InputError) as error:
            yield from getattr(error, "each", [f"{attack.word}: {error}"])


def drawn(images: Images, number: int | None) -> Images:
    """Return so many of the images, drawn at random, in their own order; all if none."""
    if number is None or number == len(images):
        return images
    rng = torch.Generator().manual_seed(SUBSET_SEED)
    rows = torch.randperm(len(images), generator=rng)[:number].sort().values
    return images[rows]


def beside(settings: EvaluationSettings) -> Path:
    """Return the folder for the results on a file."""
    return Path(RESULTS) / Path(settings.weights or "").stem


def looked_at(
    folder: Path, settings: EvaluationSettings, model: Mapping[str, Any], dataset: Dataset
) -> list[Candidate]:
    """Return the checkpoints."""
    if settings.weights is None:
        return candidates(folder, top=settings.top, rules=settings.rules, seeds=settings.seeds)
    file = Path(settings.weights)
    if not foreign(settings):
        return [Candidate(path=file, rule="given", read=partial(load_model, file))]

    def read() -> Module:
        own = bound_model(bound("model", model))
        return load_foreign(file, built(own, model["name"], dataset.format))

    return [Candidate(path=file, rule="given", read=read, network=model["name"])]
