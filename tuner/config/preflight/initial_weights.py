"""Check the weights that training starts from, before any trial runs."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from torch.nn import Module

from trainables.binding import bind_member, bound_data, bound_model
from trainables.components import GROUPS
from trainables.data_pipeline.images import Dataset, Images, MissingDataError
from trainables.errors import InputError
from trainables.evaluation.normalization import (
    N_MEASURED,
    compare_normalizations,
    list_normalizations,
)
from trainables.scheduling import FORMER_VALUES
from trainables.training.foreign_weights import LoadedWeights, load_foreign_weights
from trainables.training.network import build_network
from trainables.training.teacher import load_teacher
from trainables.training.weight_files import WeightsFile, read_weights_file
from tuner.config.plan import Plan, Variant
from tuner.config.preflight.data_and_network import build_parts, load_images
from tuner.config.preflight.representative import build_configuration

FACTOR = "loaded_lr_factor"
"""Knob of the optimizer that needs loaded weights."""


def check_initial_weights(plan: Plan) -> tuple[list[str], list[str]]:
    """Return the problems of `init=`, and what was done with the file for the user."""
    if plan.settings.init is None:
        return list(check_factor(plan)), []
    problems: dict[str, None] = {}
    notes: dict[str, None] = {}
    try:
        source = read_weights_file(Path(plan.settings.init))
        for variant in plan.variants:
            notes |= dict.fromkeys(prepare_variant(source, variant))
    except MissingDataError:
        pass  # reported elsewhere
    except InputError as error:
        problems |= dict.fromkeys(
            problem.replace("weights:", "init:", 1) for problem in error.problems
        )
    return list(problems), list(notes)


def check_teachers(plan: Plan) -> list[str]:
    """Return the problems of the weights that teachers are loaded from."""
    problems: dict[str, None] = {}
    for variant in plan.variants:
        teacher = build_configuration(variant, {})["teacher"]
        if teacher.get("name") != "file":
            continue
        try:
            dataset, _, _ = load_images(variant, bound_data(build_parts(variant, "data")))
            own, name = bound_model(build_parts(variant, "model")), teacher.get("model")
            file, chosen = Path(str(teacher["weights"])), None if name is None else str(name)
            load_teacher(file, chosen, own, dataset.image_format)
        except MissingDataError:
            pass  # reported elsewhere
        except InputError as error:
            problems |= dict.fromkeys(error.problems)
    return list(problems)


def check_factor(plan: Plan) -> Iterator[str]:
    """Yield the problem of a learning rate of loaded weights where none are loaded."""
    default = FORMER_VALUES[FACTOR]
    for variant in plan.variants:
        if variant.fixed["optimizer"].get(FACTOR, default) != default or (
            f"optimizer.{FACTOR}" in variant.searched
        ):
            yield f"optimizer.{FACTOR}: changes nothing without loaded weights; write init=FILE."
            return


def prepare_variant(source: WeightsFile, variant: Variant) -> Iterator[str]:
    """Yield what is done to load weights into the network of a variant.

    Raises:
        InputError: If they do not fit, or were clearly trained with another normalisation.
        MissingDataError: If the images have not been downloaded.
    """
    dataset, _, validation = load_images(variant, bound_data(build_parts(variant, "data")))
    build = partial(build_loaded, source, variant, dataset)
    _, loaded = build(None)
    yield from loaded.notes
    chosen = str(build_parts(variant, "model").knobs["normalize"])
    if loaded.has_normalization:
        return
    if chosen == "data" and not dataset.image_format.is_normalized:
        chosen = "none"
    yield f"The file does not say how images are normalised; model.normalize={chosen} is used."
    if any("is new" in note for note in loaded.notes):
        return  # a new last layer has no accuracy
    yield from check_normalization(build, validation, chosen, list_normalizations(dataset))


def build_loaded(
    source: WeightsFile, variant: Variant, dataset: Dataset, normalize: str | None
) -> tuple[Module, LoadedWeights]:
    """Return the network of a variant with the weights, and what was loaded.

    Args:
        source: The weights.
        variant: The variant.
        dataset: Its data set.
        normalize: Value of `model.normalize`; `None`: that of the variant.
    """
    values = build_configuration(variant, {})["model"]
    name = str(values.pop("name"))
    values |= {} if normalize is None else {"normalize": normalize}
    bound = bound_model(bind_member(GROUPS["model"], name, values))
    model = build_network(bound, dataset.image_format)
    loaded = load_foreign_weights(source, model, replace_head=True)
    return model.eval(), loaded


def check_normalization(
    build: Callable[[str | None], tuple[Module, LoadedWeights]],
    images: Images,
    chosen: str,
    choices: Sequence[str],
) -> Iterator[str]:
    """Yield the clean accuracy of loaded weights under each normalisation.

    Args:
        build: Returns the network for a value of `model.normalize`.
        images: Images, of which the first are measured.
        chosen: Value of `model.normalize` in the study.
        choices: Values of `model.normalize` to compare.

    Raises:
        InputError: If another than the chosen one is clearly better.
    """
    measured = compare_normalizations(lambda choice: build(choice)[0], images[:N_MEASURED], choices)
    if chosen in choices and measured.best not in (None, chosen):
        raise InputError([
            f"model.normalize: must be that of init=, which was trained with another than {chosen}:"
            f" {measured}; write model.normalize={measured.best}."
        ])
    yield f"Before training, {measured}."
