"""The scheduler of a resumed study: that of the study, where the command line leaves it open."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from trainables.hparams.knobs import REQUIRED, read_knobs
from trainables.hparams.trusted_code import is_code_file
from tuner.config.plan import Plan, complete_scheduler, tuples_to_lists
from tuner.config.settings import Fidelity, Settings
from tuner.config.study_groups import STUDY_GROUPS
from tuner.storage.search_yaml import SearchYaml


def keep_former_scheduler(content: SearchYaml, plan: Plan) -> tuple[SearchYaml, Plan]:
    """Return the content of a `search.yaml` with all knobs of its scheduler, and the plan.

    In the plan, scheduler, knobs and fidelity that were not typed are those of the study. A study
    that is older than a knob keeps what its scheduler did before. What cannot be kept stays as it
    is, so that `find_differences` reports it.

    Args:
        content: The content of its `search.yaml`.
        plan: The plan that resumes it.
    """
    if "scheduler" not in content or "study" not in content:
        return content, plan  # `find_differences` reports it
    stored = content["scheduler"]
    if stored.get("name") != plan.scheduler["name"] and "scheduler" not in plan.defaulted:
        return content, plan
    if is_code_file(str(stored.get("name"))) and "scheduler" in plan.defaulted:
        return content, plan  # a results folder must not choose the code that runs
    scheduler = complete_stored(stored)
    typed = {key: value for key, value in plan.scheduler.items() if key != "name"}
    if not typed.keys() <= scheduler.keys():
        return content, plan  # knobs of another scheduler: none of them is to be dropped silently
    plan = replace(plan, scheduler={**scheduler, **typed})
    stored_settings: Mapping[str, object] = content["study"]
    if "fidelity" in plan.defaulted and "fidelity" in stored_settings:
        fidelity = read_knobs(Settings)["fidelity"].validate(stored_settings["fidelity"])
        settings = replace(plan.settings, fidelity=cast("Fidelity", fidelity))
        plan = replace(plan, settings=settings)
    completed = {**content, "scheduler": tuples_to_lists(scheduler)}
    return cast(SearchYaml, completed), plan


def complete_stored(stored: Mapping[str, object]) -> dict[str, object]:
    """Return a scheduler of a `search.yaml` with the knobs that are newer than it.

    Code files are passed over: reading the knobs of a file runs it.
    """
    name, group = str(stored.get("name")), STUDY_GROUPS["scheduler"]
    if is_code_file(name) or name not in group.members():
        return dict(stored)
    former = group.former_values(name)
    knobs = group.member_knobs(name)
    is_older = any(key not in stored for key, knob in knobs.items() if knob.default is not REQUIRED)
    return complete_scheduler({**(former if is_older else {}), **stored})
