"""Prepare an evaluation: check all arguments, data and checkpoints before any attack runs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from trainables.binding import check_member
from trainables.components import GROUPS
from trainables.data_pipeline.images import DataError, Dataset, Images
from trainables.data_pipeline.summary import describe_attacked
from trainables.errors import InputError
from trainables.hparams.group import group_values
from trainables.hparams.trusted_code import check_trusted
from trainables.threat import Threat
from tuner.cli.schema import read_settings
from tuner.commands.evaluate import ATTACKS, TRIAL_GROUPS, EvaluationSettings
from tuner.config.domains import is_domain
from tuner.evaluation.best_folder import read_best_config
from tuner.evaluation.checkpoints import CheckpointRef, find_checkpoints
from tuner.evaluation.checks import (
    check_checkpoints,
    check_rank_settings,
    check_ranked_task,
    check_suite,
)
from tuner.evaluation.foreign import (
    describes_network,
    load_given_checkpoint,
    suggest_networks,
)
from tuner.evaluation.images import bind_group, draw_subset, load_evaluation_data
from tuner.evaluation.suites import Attack, parse_suite
from tuner.layout import RESULTS_FOLDER


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """A checked evaluation.

    Attributes:
        folder: Folder of the results.
        settings: Settings from the command line.
        attacks: Attacks in the order in which they run.
        checkpoints: Checkpoints to attack.
        threat: Set of allowed perturbations.
        norm: Name of the threat.
        data: Name and knobs of the data set.
        images: Images to attack: of the test split, or of the validation split for a ranking.
        classes: Number of classes K.
        notes: What was understood of the data set and the checkpoints, for the user.
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
    notes: tuple[str, ...]


def prepare_evaluation(
    folders: Sequence[str], arguments: Mapping[str, object], problems: Sequence[str]
) -> Evaluation:
    """Return the evaluation that the arguments describe.

    Args:
        folders: Results folders of searches; at most one is valid.
        arguments: Parsed arguments, as in `CommandLine.arguments`.
        problems: Problems found while parsing.

    Raises:
        InputError: If anything is invalid, with all problems.
    """
    settings, invalid = read_settings(EvaluationSettings, arguments)
    problems = [*problems, *invalid, *check_no_domains(arguments)]
    attack_knobs = {k: group_values(arguments, k) for k in arguments if k in ATTACKS.members()}
    suite, suite_problems = parse_suite(settings.suite, attack_knobs)
    problems += [
        *check_evaluation_target(folders, settings, arguments),
        *suite_problems,
        *check_rank_settings(settings, group_values(arguments, "data")),
    ]
    base: Mapping[str, object] = {}
    if not settings.weights and len(folders) == 1:
        try:
            base = read_best_config(Path(folders[0]))
        except InputError as error:
            problems += error.problems
    chosen = {
        group: overlay_group(group_values(base, group), group_values(arguments, group))
        for group in TRIAL_GROUPS
    }
    suite, _ = parse_suite(settings.suite, attack_knobs, str(chosen["threat"].get("name")))
    if untrusted := list(check_trusted(values.get("name") for values in chosen.values())):
        raise InputError([*problems, *untrusted])
    needed = [g for g in TRIAL_GROUPS if g != "model" or lacks_description(settings)]
    for group in needed if base or settings.weights else []:
        values = dict(chosen[group])
        problems += check_member(group, GROUPS[group], values.pop("name", None), values)
    if problems:
        raise InputError(with_network_hint(problems, settings, chosen))
    dataset, split = prepare_images(folders, settings, arguments, chosen["data"], suite)
    folder = (
        Path(settings.results or Path(RESULTS_FOLDER) / Path(settings.weights).stem)
        if settings.weights
        else Path(folders[0])
    )
    device = settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
    images = draw_subset(split, settings.images).to(device)
    checkpoints = resolve_checkpoints(folder, settings, chosen["model"], dataset, device)
    check_checkpoints(folder, checkpoints, dataset, images)
    about = describe_attacked(
        str(chosen["data"]["name"]), dataset, images, "validation" if settings.rank else "test"
    )
    return Evaluation(
        folder=folder,
        settings=settings,
        attacks=suite,
        checkpoints=checkpoints,
        threat=bind_group("threat", chosen["threat"])["build"](),
        norm=str(chosen["threat"]["name"]),
        data=chosen["data"],
        images=images,
        classes=dataset.classes,
        notes=(*about, *(note for checkpoint in checkpoints for note in checkpoint.notes)),
    )


def with_network_hint(
    problems: Sequence[str],
    settings: EvaluationSettings,
    chosen: Mapping[str, Mapping[str, object]],
) -> list[str]:
    """Return the problems; if only the network is missing, with those that the weights fit.

    Raises:
        InputError: If the data or the weights cannot be read.
    """
    if not settings.weights or len(problems) > 1 or "name" in chosen["model"]:
        return list(problems)
    file = Path(settings.weights)
    fitting = suggest_networks(file, load_evaluation_data(chosen["data"]))
    hint = f"model: needs a name; {file.name} fits {fitting}; write it."
    return [hint] if fitting else list(problems)


def check_evaluation_target(
    folders: Sequence[str], settings: EvaluationSettings, arguments: Mapping[str, object]
) -> Iterator[str]:
    """Yield the problems of the folder or file to evaluate."""
    if settings.weights and folders:
        yield f"{folders[0]}: give a folder or weights=, not both."
    elif not settings.weights and len(folders) != 1:
        given = ", ".join(folders) or "none"
        yield f"FOLDER: expected the results folder of one search, got {given}."
    if settings.results and not settings.weights:
        yield "results: goes with weights=; the rows of a search are written to its results folder."
    if "model" in arguments and not lacks_description(settings):
        yield "model: the checkpoint describes its own network; leave out model=."
    if settings.device == "cuda" and not torch.cuda.is_available():
        yield "device: there is no GPU here; write device=cpu."
    if settings.weights and not Path(settings.weights).is_file():
        yield f"weights: there is no file {settings.weights}."


def check_no_domains(arguments: Mapping[str, object]) -> Iterator[str]:
    """Yield a problem for each knob that has a search domain instead of a value."""
    for group, values in arguments.items():
        for knob, value in values.items() if isinstance(values, dict) else []:
            if is_domain(value):
                yield f"{group}.{knob}: is searched by tuner.search; give an evaluation one value."


def overlay_group(base: Mapping[str, object], upper: Mapping[str, object]) -> dict[str, object]:
    """Return `base` updated with `upper`; `upper` alone if it names another member."""
    is_other_member = "name" in upper and upper["name"] != base.get("name")
    return {**({} if is_other_member else base), **upper}


def lacks_description(settings: EvaluationSettings) -> bool:
    """Return whether `weights=` names a file that does not describe its network."""
    return settings.weights is not None and not describes_network(Path(settings.weights))


def prepare_images(
    folders: Sequence[str],
    settings: EvaluationSettings,
    arguments: Mapping[str, object],
    data: Mapping[str, object],
    suite: list[Attack],
) -> tuple[Dataset, Images]:
    """Return the data set, and the split to attack.

    Raises:
        InputError: If they do not fit the evaluation.
    """
    dataset = load_evaluation_data(data)
    split = select_split(settings, data, dataset)
    problems = list(check_suite(settings, suite, dataset, len(split)))
    if settings.rank:
        given = {
            f"threat.{knob}".removesuffix(".name") for knob in group_values(arguments, "threat")
        }
        problems += check_ranked_task(Path(folders[0]), settings.top, given)
    if problems:
        raise InputError(problems)
    return dataset, split


def select_split(
    settings: EvaluationSettings, data: Mapping[str, object], dataset: Dataset
) -> Images:
    """Return the images to attack, before `images=` limits their number.

    Raises:
        InputError: If the validation split cannot be cut.
    """
    if settings.rank is None:
        return dataset.test
    try:
        split: tuple[Images, Images] = bind_group("data", data)["split_validation"](dataset.train)
    except DataError as error:
        raise InputError([f"data: {error}"]) from None
    return split[1]


def resolve_checkpoints(
    folder: Path,
    settings: EvaluationSettings,
    model: Mapping[str, object],
    dataset: Dataset,
    device: str,
) -> list[CheckpointRef]:
    """Return the checkpoints to evaluate: those of the search, or the one of `weights=`."""
    if settings.weights is None:
        return find_checkpoints(
            folder, top=settings.top, rules=settings.rules, seeds=settings.seeds
        )
    return [load_given_checkpoint(Path(settings.weights), model, dataset, device)]
