"""Validate a diagnosis before anything is measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from analysis.commands.diagnose import (
    MEASURES,
    DiagnosisSettings,
    compares_networks,
)
from analysis.diagnostics import _table
from analysis.diagnostics._given import check_target, given_groups, load_given
from analysis.diagnostics._groups import resolve_groups
from analysis.loading import name_folders
from trainables.binding import check_member
from trainables.components import GROUPS
from trainables.data_pipeline.images import DataError, Dataset, Images
from trainables.errors import InputError
from trainables.hparams.group import Groups, group_values
from trainables.threat import Threat
from tuner.cli.schema import read_settings
from tuner.evaluation.best_folder import read_best_config
from tuner.evaluation.checkpoints import CheckpointRef, find_checkpoints
from tuner.evaluation.checks import checkpoint_problems
from tuner.evaluation.images import bind_group, draw_subset, load_evaluation_data


@dataclass(frozen=True, kw_only=True)
class DiagnosedCheckpoint:
    """One checkpoint to diagnose.

    Attributes:
        study: Name of its study.
        folder: The study's results.
        checkpoint: The checkpoint.
    """

    study: str
    folder: Path
    checkpoint: CheckpointRef

    @property
    def label(self) -> str:
        """Name of the checkpoint in the output."""
        if not self.checkpoint.trial_id:
            return self.study
        last = " (last)" if self.checkpoint.is_last_epoch else ""
        return f"{self.study}/{self.checkpoint.trial_id}{last}"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What to diagnose, how, on what.

    Attributes:
        settings: Of the diagnosis.
        measures: Knobs by measure, in order; defaults are left out.
        checkpoints: The checkpoints.
        threat: The set of allowed perturbations.
        groups: The threat's and the data set's names and knobs.
        images: Of the chosen split, where they are computed with.
    """

    settings: DiagnosisSettings
    measures: Groups
    checkpoints: Sequence[DiagnosedCheckpoint]
    threat: Threat
    groups: Groups
    images: Images


def prepare_diagnosis(
    given: Sequence[str], arguments: Mapping[str, object], problems: Sequence[str]
) -> Diagnosis:
    """Return the diagnosis that a command line describes.

    Args:
        given: Folders of searches.
        arguments: As `tuner.cli.parse.read` returns them.
        problems: What is known to be wrong already.

    Raises:
        InputError: If anything is wrong with it, with all that is.
    """
    settings, invalid = read_settings(DiagnosisSettings, arguments)
    problems = [*problems, *invalid]
    if settings.device == "cuda" and not torch.cuda.is_available():
        problems.append("device: there is no GPU here; write device=cpu.")
    problems += check_target(given, settings, arguments)
    folders = name_folders([Path(each) for each in given]) if given else {}
    subjects = list(resolve_checkpoints(folders, settings, problems))
    n_checkpoints = 1 if settings.weights else len(subjects) or None
    measures = select_measures(settings, arguments, n_checkpoints, problems)
    groups = (
        given_groups(arguments)
        if settings.weights
        else resolve_groups(folders, arguments, problems)
    )
    for group, values in groups.items():
        rest = dict(values)
        problems += check_member(group, GROUPS[group], rest.pop("name", None), rest)
    if problems:
        raise InputError(problems)
    dataset = load_evaluation_data(groups["data"])
    images = select_images(dataset, groups["data"], settings, typed="images" in arguments)
    settings = replace(settings, images=len(images))
    if settings.weights:
        folder, checkpoint = load_given(settings, arguments, dataset, images.y.device.type)
        study = Path(settings.weights).stem
        subjects = [DiagnosedCheckpoint(study=study, folder=folder, checkpoint=checkpoint)]
    check_checkpoints(subjects, dataset, images)
    threat = bind_group("threat", groups["threat"])["build"]()
    return Diagnosis(
        settings=settings,
        measures=measures,
        checkpoints=subjects,
        threat=threat,
        groups=groups,
        images=images,
    )


def resolve_checkpoints(
    folders: Mapping[str, Path], settings: DiagnosisSettings, problems: list[str]
) -> Iterator[DiagnosedCheckpoint]:
    """Yield the checkpoints of each folder; errors are added to `problems`."""
    for study, folder in folders.items():
        try:
            read_best_config(folder)
            found = find_checkpoints(folder, top=settings.top, rules=settings.rules, seeds=False)
        except InputError as error:
            problems += error.problems
        else:
            yield from (
                DiagnosedCheckpoint(study=study, folder=folder, checkpoint=each) for each in found
            )


def select_measures(
    settings: DiagnosisSettings,
    arguments: Mapping[str, object],
    n_checkpoints: int | None,
    problems: list[str],
) -> dict[str, Mapping[str, object]]:
    """Return the measures and the knobs that the command line sets.

    Args:
        settings: Of the diagnosis.
        arguments: As typed.
        n_checkpoints: Number of checkpoints; `None`: unknown.
        problems: What is wrong is added to them.
    """
    single = n_checkpoints == 1
    words = settings.measure or [
        name for name in MEASURES.members() if not (single and compares_networks(name))
    ]
    measures: dict[str, Mapping[str, object]] = {}
    for word in words:
        own = group_values(arguments, word)
        found = [
            each.replace("diagnostics.", "measures.", 1)
            for each in check_member("measure", MEASURES, word, {})
        ]
        problems += found or check_member(word, MEASURES, word, own)
        if not found and single and compares_networks(word):
            problems.append(
                f"measure: {word} needs at least two checkpoints, got one; name another FOLDER or "
                "write top=2."
            )
        measures[word] = own
    idle = [name for name in MEASURES.members() if name in arguments and name not in measures]
    problems += [f"{name}: is not measured; write measure={name}." for name in idle]
    return measures


def select_images(
    dataset: Dataset, data: Mapping[str, object], settings: DiagnosisSettings, *, typed: bool
) -> Images:
    """Return the images to evaluate, on the device.

    Args:
        dataset: The data set.
        data: Its name and knobs.
        settings: Of the diagnosis.
        typed: Whether the number of images was typed; of a default all that there are are taken.

    Raises:
        InputError: If the split has fewer images than were typed.
    """
    images = dataset.test
    if settings.split == "validation":
        try:
            _, images = bind_group("data", data)["split_validation"](dataset.train)
        except DataError as error:
            raise InputError([f"data: {error}"]) from None
    if typed and settings.images > len(images):
        raise InputError([
            f"images: must be at most the {len(images)} {settings.split} images, got "
            f"{settings.images}."
        ])
    device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    return draw_subset(images, min(settings.images, len(images))).to(device)


def check_checkpoints(
    subjects: Sequence[DiagnosedCheckpoint], dataset: Dataset, images: Images
) -> None:
    """Check that every checkpoint can be loaded and that results can be written.

    Raises:
        InputError: If not, with all that is wrong.
    """
    problems = [
        each for one in subjects for each in checkpoint_problems(one.checkpoint, dataset, images)
    ]
    for folder in dict.fromkeys(one.folder for one in subjects):
        problems += _table.check_writable(folder)
    if problems:
        raise InputError(problems)
