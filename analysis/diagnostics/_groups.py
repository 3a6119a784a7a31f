"""Threat and data of a diagnosis: those on the command line, or those of the trials."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from analysis.commands.diagnose import (
    TRIAL_GROUPS,
)
from trainables.components import GROUPS
from trainables.data_pipeline import batches
from trainables.errors import InputError
from trainables.hparams.group import group_values
from trainables.hparams.knobs import read_knobs
from trainables.hparams.trusted_code import check_trusted
from tuner.evaluation.best_folder import read_best_config
from tuner.evaluation.prepare import overlay_group


def resolve_groups(
    folders: Mapping[str, Path], arguments: Mapping[str, object], problems: list[str]
) -> dict[str, dict[str, object]]:
    """Return the threat and the data, typed or of the trials; those of all folders must be one.

    Raises:
        InputError: If the trials name untrusted code, with all problems.
    """
    result: dict[str, dict[str, object]] = {}
    configurations = {}
    for study, folder in folders.items():
        try:
            configurations[study] = read_best_config(folder)
        except InputError:
            continue  # resolve_checkpoints reports it
    names = (
        {**group_values(found, group), **group_values(arguments, group)}.get("name")
        for found in configurations.values()
        for group in (*TRIAL_GROUPS, "model")
    )
    if wrong := list(check_trusted(names)):
        raise InputError([*problems, *wrong])
    for group in TRIAL_GROUPS if configurations else ():
        typed = group_values(arguments, group)
        each = {
            study: overlay_group(group_values(found, group), typed)
            for study, found in configurations.items()
        }
        (first, one), *rest = each.items()
        for study, other in rest:
            problems += list_group_differences(group, first, one, study, other)
        result[group] = one
    return result


def list_group_differences(
    group: str, first: str, one: Mapping[str, object], second: str, other: Mapping[str, object]
) -> Iterator[str]:
    """Yield the differences in threat and data of two studies; knobs of training do not count."""
    for knob in dict.fromkeys([*one, *other]):
        if one.get(knob) != other.get(knob) and not (
            group == "data" and is_training_knob(one, knob)
        ):
            path = group if knob == "name" else f"{group}.{knob}"
            yield (
                f"{path}: is {one.get(knob)} in {first} and {other.get(knob)} in {second}; write "
                f"{path}=VALUE for both."
            )


def is_training_knob(data: Mapping[str, object], knob: str) -> bool:
    """Return whether a knob of a data set does not change the images that are evaluated."""
    if knob == "name":
        return False
    loads = GROUPS["data"].member_functions(str(data.get("name")))["load"]
    return knob not in {*read_knobs(loads), *read_knobs(batches.split_validation)} - {"limit"}
