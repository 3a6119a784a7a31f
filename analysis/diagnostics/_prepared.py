"""A diagnosis that can be made: everything checked, nothing measured yet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from analysis.diagnostics import _ledger
from analysis.diagnostics._settings import (
    FROM_TRIALS,
    MEASURES,
    DiagnosisSettings,
    compares,
)
from analysis.reading import names
from trainables import batches
from trainables.bind import complaints
from trainables.groups import GROUPS
from trainables.images import DataError, Dataset, Images
from trainables.knobs import knobs
from trainables.problems import InputError
from trainables.threat import Threat
from trainables.trust import untrusted
from tuner.best import configuration
from tuner.candidates import Candidate, candidates
from tuner.evaluation import bound, drawn, load, over
from tuner.keys import validate_arguments
from tuner.usable import unusable


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One checkpoint to look into.

    Attributes:
        study: Name of its study.
        folder: The study's results.
        candidate: The checkpoint.
    """

    study: str
    folder: Path
    candidate: Candidate

    @property
    def label(self) -> str:
        """Its name to a reader."""
        last = " (last)" if self.candidate.last else ""
        return f"{self.study}/{self.candidate.trial_id}{last}"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What to look into, how, on what.

    Attributes:
        settings: Of the diagnosis.
        measures: Knobs by measure, in order; defaults are left out.
        subjects: The checkpoints.
        threat: The set of allowed perturbations.
        groups: The threat's and the data set's names and knobs.
        images: Of the chosen split, where they are computed with.
    """

    settings: DiagnosisSettings
    measures: Mapping[str, Mapping[str, Any]]
    subjects: Sequence[Subject]
    threat: Threat
    groups: Mapping[str, Mapping[str, Any]]
    images: Images


def prepared(
    given: Sequence[str], arguments: Mapping[str, Any], problems: Sequence[str]
) -> Diagnosis:
    """Return the diagnosis that a command line describes.

    Args:
        given: Folders of searches.
        arguments: As `tuner.words.read` returns them.
        problems: What is known to be wrong already.

    Raises:
        InputError: If anything is wrong with it, with all that is.
    """
    valid, invalid = validate_arguments(DiagnosisSettings, arguments)
    problems = [*problems, *invalid]
    settings = DiagnosisSettings(**valid)
    if settings.device == "cuda" and not torch.cuda.is_available():
        problems.append("device: there is no GPU here; write device=cpu.")
    if not given:
        problems.append("FOLDER: expected the results folders of searches, got none.")
    folders = names([Path(each) for each in given]) if given else {}
    subjects = list(looked_at(folders, settings, problems))
    measures = chosen(settings, arguments, len(subjects) if subjects else None, problems)
    groups = agreed(folders, arguments, problems)
    for group, values in groups.items():
        rest = dict(values)
        problems += complaints(group, GROUPS[group], rest.pop("name", None), rest)
    if problems:
        raise InputError(problems)
    dataset = load(groups["data"])
    images = shown(dataset, groups["data"], settings)
    secure(subjects, dataset, images)
    threat = bound("threat", groups["threat"])["build"]()
    return Diagnosis(
        settings=settings,
        measures=measures,
        subjects=subjects,
        threat=threat,
        groups=groups,
        images=images,
    )


def looked_at(
    folders: Mapping[str, Path], settings: DiagnosisSettings, problems: list[str]
) -> Iterator[Subject]:
    """Yield the checkpoints of each folder; what is wrong with any is added to `problems`."""
    for study, folder in folders.items():
        try:
            configuration(folder)
            found = candidates(folder, top=settings.top, rules=settings.rules, seeds=False)
        except InputError as error:
            problems += error.each
        else:
            yield from (Subject(study=study, folder=folder, candidate=each) for each in found)


def chosen(
    settings: DiagnosisSettings,
    arguments: Mapping[str, Any],
    number: int | None,
    problems: list[str],
) -> dict[str, Mapping[str, Any]]:
    """Return the measures and what was typed of their knobs.

    Args:
        settings: Of the diagnosis.
        arguments: As typed.
        number: Of checkpoints; none if that is not known.
        problems: What is wrong is added to them.
    """
    single = number == 1
    words = settings.measure or [
        name for name in MEASURES.members() if not (single and compares(name))
    ]
    measures: dict[str, Mapping[str, Any]] = {}
    for word in words:
        own = arguments.get(word, {})
        found = [
            each.replace("diagnostics.", "measures.", 1)
            for each in complaints("measure", MEASURES, word, {})
        ]
        problems += found or complaints(word, MEASURES, word, own)
        if not found and single and compares(word):
            problems.append(
                f"measure: {word} needs at least two checkpoints, got one; name another FOLDER or "
                "write top=2."
            )
        measures[word] = own
    idle = [name for name in MEASURES.members() if name in arguments and name not in measures]
    problems += [f"{name}: is not measured; write measure={name}." for name in idle]
    return measures


def agreed(
    folders: Mapping[str, Path], arguments: Mapping[str, Any], problems: list[str]
) -> dict[str, dict[str, Any]]:
    """Return the threat and the data, typed or of the trials; those of all folders must be one.

    Raises:
        InputError: If the trials name code that nobody trusts, with all that is wrong.
    """
    result: dict[str, dict[str, Any]] = {}
    configurations = {}
    for study, folder in folders.items():
        try:
            configurations[study] = configuration(folder)
        except InputError:
            continue  # told already
    names = (
        {**found[group], **arguments.get(group, {})}.get("name")
        for found in configurations.values()
        for group in (*FROM_TRIALS, "model")
    )
    if wrong := list(untrusted(names)):
        raise InputError([*problems, *wrong])
    for group in FROM_TRIALS if configurations else ():
        typed = arguments.get(group, {})
        each = {study: over(found[group], typed) for study, found in configurations.items()}
        (first, one), *rest = each.items()
        for study, other in rest:
            problems += apart(group, first, one, study, other)
        result[group] = one
    return result


def apart(
    group: str, first: str, one: Mapping[str, Any], second: str, other: Mapping[str, Any]
) -> Iterator[str]:
    """Yield in what two studies ask different questions, but for what only training looks at."""
    for knob in dict.fromkeys([*one, *other]):
        if one.get(knob) != other.get(knob) and not (group == "data" and of_training(one, knob)):
            path = group if knob == "name" else f"{group}.{knob}"
            yield (
                f"{path}: is {one.get(knob)} in {first} and {other.get(knob)} in {second}; write "
                f"{path}=VALUE for both."
            )


def of_training(data: Mapping[str, Any], knob: str) -> bool:
    """Return whether a knob of a data set leaves the images that are looked at as they are."""
    if knob == "name":
        return False
    loads = GROUPS["data"].functions(str(data.get("name")))["load"]
    return knob not in {*knobs(loads), *knobs(batches.cut)} - {"limit"}


def shown(dataset: Dataset, data: Mapping[str, Any], settings: DiagnosisSettings) -> Images:
    """Return the images to look at, on the device.

    Raises:
        InputError: If there are not so many.
    """
    images = dataset.test
    if settings.split == "validation":
        try:
            _, images = bound("data", data)["cut"](dataset.train)
        except DataError as error:
            raise InputError([f"data: {error}"]) from None
    if settings.images > len(images):
        raise InputError([
            f"images: must be at most the {len(images)} {settings.split} images, got "
            f"{settings.images}."
        ])
    device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    return drawn(images, settings.images).to(device)


def secure(subjects: Sequence[Subject], dataset: Dataset, images: Images) -> None:
    """See that every checkpoint can be looked into and what comes of it written.

    Raises:
        InputError: If not, with all that is wrong.
    """
    problems = [each for one in subjects for each in unusable(one.candidate, dataset, images)]
    for folder in dict.fromkeys(one.folder for one in subjects):
        problems += _ledger.claim(folder)
    if problems:
        raise InputError(problems)
