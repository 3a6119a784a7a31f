"""Check suite and checkpoints of an evaluation before any attack runs."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import Module

from trainables.data_pipeline.images import Dataset, Images
from trainables.errors import InputError
from trainables.evaluation.sanity_checks import outputs_probabilities
from trainables.networks.modes import in_mode
from trainables.training.weights import NetworkDescription
from tuner.commands.evaluate import EvaluationSettings
from tuner.evaluation import table
from tuner.evaluation.checkpoints import CheckpointRef, read_ranked_trials
from tuner.evaluation.suites import Attack

N_CHECK_IMAGES = 8
"""Images per check; a wrong network fails on any images."""
TASK_COLUMNS = ("data", "data.path", "threat", "threat.eps")
"""Knobs in which ranked trials must agree."""


def checkpoint_problems(
    checkpoint: CheckpointRef, dataset: Dataset, images: Images
) -> Iterator[str]:
    """Yield the reasons why a checkpoint cannot be evaluated.

    Args:
        checkpoint: Checkpoint to check.
        dataset: Data set of the evaluation.
        images: Test images to attack, on the device of the evaluation.
    """
    try:
        model, about = checkpoint.load(), checkpoint.read_description()
    except InputError as error:
        yield from error.problems
        return
    problems = list(check_format(about, dataset)) or check_logits(
        model.to(images.y.device), images[:N_CHECK_IMAGES], dataset.classes
    )
    yield from (f"{checkpoint.path}: {problem}" for problem in problems)


def check_format(description: NetworkDescription, dataset: Dataset) -> Iterator[str]:
    """Yield where the description of a network does not match the data set."""
    wanted = dataset.image_format
    if description and description["shape"] != wanted.shape:
        yield (
            f"is a network for images of {format_shape(description['shape'])}, got data of "
            f"{format_shape(wanted.shape)}; write data=NAME with such images."
        )
    if description and description["classes"] != wanted.classes:
        yield (
            f"is a network for {description['classes']} classes, got data with "
            f"{wanted.classes}; write data=NAME with as many."
        )


def check_logits(model: Module, images: Images, classes: int) -> Iterator[str]:
    """Yield why the outputs for `images` (N images) are not logits (N, K)."""
    x, _ = next(images.stream([torch.arange(len(images), device=images.y.device)]))
    try:
        with in_mode(model, "eval"), torch.no_grad():
            outputs = model(x)
    except Exception as error:  # user-supplied code can fail in any way
        reason = ": ".join([type(error).__name__, *str(error).splitlines()[:1]])
        yield f"does not take images of {format_shape(x.shape[1:])} ({reason})."
        return
    wanted = (len(x), classes)
    got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
    if got != wanted:
        yield f"must return logits of shape {wanted}, got {got} for {len(x)} images."
    elif not outputs.isfinite().all():
        yield "returns logits that are nan or inf; evaluate another checkpoint."
    elif outputs_probabilities(model, images):
        yield "returns probabilities, but attacks need logits; remove the softmax."


def format_shape(shape: tuple[int, ...]) -> str:
    """Return the shape of an image as text.

    >>> format_shape((3, 32, 32))
    '3x32x32'
    """
    return "x".join(map(str, shape))


def check_checkpoints(
    folder: Path, checkpoints: Sequence[CheckpointRef], dataset: Dataset, images: Images
) -> None:
    """Check that every checkpoint can be attacked and that the results can be written.

    Raises:
        InputError: If not, with all problems.
    """
    table.read_table(folder)
    if problems := [
        problem
        for checkpoint in checkpoints
        for problem in checkpoint_problems(checkpoint, dataset, images)
    ]:
        raise InputError(problems)
    table.check_writable(folder)


def check_rank_settings(settings: EvaluationSettings, data: Collection[str]) -> Iterator[str]:
    """Yield the settings that do not fit a ranking.

    Args:
        settings: Settings of the evaluation.
        data: Keys of the group data on the command line.
    """
    if settings.rank is None:
        return
    if settings.weights:
        yield "rank: compares trials of a search; leave out weights=."
    elif settings.top < 2:
        yield f"rank: needs at least two trials; write top=2 or more, got top={settings.top}."
    if settings.seeds:
        yield "rank: compares the best trials, top=N; leave out seeds=true."
    if settings.rules != ("best_validation_robust",):
        yield "rank: compares the best epochs of trials; leave out rules=."
    if settings.each:
        yield "rank: compares the worst case over all attacks; leave out each=true."
    if set(data) - {"path"}:
        yield "rank: attacks the validation images of the search; leave out data=."


def check_ranked_task(folder: Path, top: int, given: Collection[str]) -> Iterator[str]:
    """Yield a problem for each knob of data or threat in which the best trials differ.

    Args:
        folder: Results folder of a search.
        top: Number of trials.
        given: Knobs that are set for all trials on the command line.
    """
    rows = read_ranked_trials(folder).head(top)
    for column in TASK_COLUMNS:
        if column not in rows or column in given or rows[column].nunique() < 2:
            continue
        one, *_, other = rows.drop_duplicates(column).to_dict("records")
        hint = f" Write {column}=VALUE to attack all with one." if "threat" in column else ""
        yield (
            f"rank: trials {one['trial_id']} and {other['trial_id']} differ in {column} "
            f"({one[column]} and {other[column]}), so that they cannot be ranked.{hint}"
        )


def check_suite(
    settings: EvaluationSettings, suite: list[Attack], dataset: Dataset, number: int
) -> Iterator[str]:
    """Yield the problems of the number of images and of the attacks on this data set.

    Args:
        settings: Settings of the evaluation.
        suite: Attacks.
        dataset: Data set of the evaluation.
        number: Number of images that there are to attack.
    """
    if settings.images and settings.images > number:
        which = "validation" if settings.rank else "test"
        yield f"images: must be at most the {number} {which} images, got {settings.images}."
    clashes = {attack.label: attack.class_conflict(dataset.classes) for attack in suite}
    if suite and all(clashes.values()):  # otherwise the others run
        yield from (f"suite: {label} {clash}." for label, clash in clashes.items())
    for attack in suite:
        if clashes[attack.label]:
            continue
        try:
            attack.build_attempts(dataset.classes)
        except InputError as error:
            yield from error.problems
        except FileNotFoundError as error:
            yield f"{attack.label}: {error}"
