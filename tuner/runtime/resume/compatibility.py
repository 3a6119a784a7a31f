"""Check whether a plan can resume a study: its space must contain the earlier one."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import cast

import yaml

from trainables.errors import InputError
from trainables.training.fidelity import Level
from tuner.config import description
from tuner.config.domain_parser import parse_value_or_domain
from tuner.config.domains import contains, contains_domain, format_domain
from tuner.config.newer_knobs import (
    NewerKnobs,
    add_newer_groups,
    convert_values,
    find_newer_knobs,
    set_knobs,
)
from tuner.config.plan import Plan, Variant, flatten_groups, tuples_to_lists
from tuner.config.settings import Settings
from tuner.layout import SEARCH_FILE
from tuner.runtime.resume.former_scheduler import keep_former_scheduler
from tuner.storage.search_yaml import SearchYaml, VariantSection, read_search_yaml, variants_of


@dataclass(frozen=True)
class StudyDescription:
    """The content of a `search.yaml`.

    Attributes:
        folder: The results folder.
        content: The validated content; keys may be missing.
    """

    folder: Path
    content: SearchYaml

    def earlier_levels(self, epochs: int) -> list[Level]:
        """Return the levels of the study before its epochs were raised; empty if they were not.

        Args:
            epochs: Epochs of the study now.

        Raises:
            LookupError: If the content lacks its levels.
            TypeError: If a level is malformed.
        """
        levels = [Level(**level) for level in self.content["levels"]]
        return levels if epochs > levels[-1].epochs else levels[: self.content["earlier_levels"]]


def read_description(folder: Path) -> StudyDescription:
    """Read the `search.yaml` of a results folder.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        content = read_search_yaml(folder / SEARCH_FILE)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([f"resume: {folder / SEARCH_FILE} cannot be read ({reason})."]) from None
    if content is None:
        raise InputError([f"resume: {folder / SEARCH_FILE} does not describe a study."])
    return StudyDescription(folder, content)


def check_space_contains(folder: Path, before: SearchYaml, plan: Plan) -> Iterator[str]:
    """Yield each knob whose earlier domain or value a plan does not contain.

    Args:
        folder: The results folder.
        before: The content of its `search.yaml`.
        plan: The plan that resumes it.
    """
    after = {variant.label: variant for variant in plan.variants}
    for label, old in variants_of(before).items():
        if label in after:
            yield from check_variant_contains(folder, old, after[label])
        elif all(any(check_variant_contains(folder, old, variant)) for variant in after.values()):
            name = f"the variant {label!r}" if label else f"one variant, now {len(after)}"
            yield f"resume: {folder} has {name}; no variant of this study contains it."


def check_variant_contains(folder: Path, old: VariantSection, variant: Variant) -> Iterator[str]:
    """Yield each knob of an earlier variant that a variant does not contain."""
    searched, fixed = old["searched"], flatten_groups(old["fixed"])
    now = flatten_groups(tuples_to_lists(variant.fixed))
    changed = {group for group in {**now, **fixed} if now.get(group) != fixed.get(group)}
    for path in {**searched, **fixed, **variant.searched, **now}:
        if path.partition(".")[0] in changed - {path}:
            continue  # its group has another member, with other knobs
        domain = variant.searched.get(path)
        if path in searched and domain is None:
            expected, actual = f"be searched in {searched[path]}", now.get(path, "nothing")
        elif path in searched and not domain_contains(domain, searched[path]):
            expected, actual = f"hold {searched[path]}", format_domain(domain)
        elif path in fixed and domain is not None and not contains(domain, fixed[path]):
            expected, actual = f"hold {fixed[path]}", format_domain(domain)
        elif path not in searched and domain is None and now.get(path, ...) != fixed.get(path, ...):
            expected, actual = f"be {fixed.get(path, 'left out')}", now.get(path, "nothing")
        else:
            continue
        yield f"{path}: must {expected}, as in {folder}, to resume it, got {actual}."


def domain_contains(domain: object, text: str) -> bool:
    """Return whether a domain contains the domain typed as `text`."""
    if format_domain(domain) == text:
        return True
    try:
        return contains_domain(domain, parse_value_or_domain(text))
    except ValueError:
        return False  # a custom domain, which cannot be typed


def keep_former_behaviour(earlier: StudyDescription, plan: Plan) -> tuple[StudyDescription, Plan]:
    """Return the description of a study with the knobs that it is older than, and its plan.

    Its values are those that the knobs read now: an older study has `normalize: true` for "data".
    In the plan, these knobs have the values that mean the behaviour without them, and the warnings
    name them. A typed value stays, so that `find_differences` reports one that contradicts.
    """
    described, plan = keep_former_scheduler(earlier.content, plan)
    earlier = StudyDescription(earlier.folder, described)
    variants = variants_of(described)
    try:
        newer = {
            label: find_newer_knobs(each["fixed"], each["searched"])
            for label, each in variants.items()
        }
        completed: dict[str, VariantSection] = {
            label: {
                **each,
                "fixed": convert_values(add_newer_groups(newer[label].complete(each["fixed"]))),
            }
            for label, each in variants.items()
        }
    except (LookupError, TypeError, AttributeError):  # `find_differences` reports it
        return earlier, plan
    is_single = not earlier.content.get("variants")
    content: SearchYaml = (
        {**earlier.content, "fixed": completed[""]["fixed"]}
        if is_single
        else {**earlier.content, "variants": completed}
    )
    former = NewerKnobs(
        {path: value for each in newer.values() for path, value in each.former.items()},
        {path: value for each in newer.values() for path, value in each.defaults.items()},
    )
    warnings = former.describe(f"{earlier.folder.name}")
    values = {path: value for path, value in former.former.items() if path not in plan.typed}
    plan = replace(
        plan,
        variants=tuple(set_former_values(each, values) for each in plan.variants),
        warnings=(*plan.warnings, *(f"resume: {text}" for text in warnings)),
    )
    return StudyDescription(earlier.folder, content), plan


def set_former_values(variant: Variant, former: Mapping[str, object]) -> Variant:
    """Return a variant in which the fixed knobs of `former` have these values."""
    values = {
        path: value
        for path, value in former.items()
        if path.partition(".")[2] in variant.fixed.get(path.partition(".")[0], {})
    }
    return replace(variant, fixed=set_knobs(variant.fixed, values))


def find_differences(earlier: StudyDescription, plan: Plan) -> Iterator[str]:
    """Yield why a plan cannot resume a study.

    The number of trials may differ.
    """
    try:
        problems = list(compare_search_yaml(earlier, plan))
        earlier.earlier_levels(plan.epochs)
    except (LookupError, TypeError, ValueError, AttributeError) as error:  # keys are missing
        reason = f"{type(error).__name__}: {error}"
        problems = [f"resume: {earlier.folder / SEARCH_FILE} does not describe a study ({reason})."]
    yield from problems


def describe_difference(part: str, *sections: object) -> Iterator[str]:
    """Yield the values of each section in which they differ, as typed."""
    values = [flatten_groups({part: cast("Mapping[str, object]", each)}) for each in sections]
    paths = dict.fromkeys(path for each in values for path in each)
    differing = [
        path for path in paths if any(each.get(path) != values[0].get(path) for each in values)
    ]
    for each in values:
        yield ", ".join(f"{path}={each[path]}" for path in differing if path in each)


def compare_search_yaml(earlier: StudyDescription, plan: Plan) -> Iterator[str]:
    """Yield where a plan differs from the `search.yaml` of a study."""
    folder, before = earlier.folder, earlier.content
    now = description.describe_study(plan, (), 0, [])
    yield from check_space_contains(folder, before, plan)
    for part in ("scheduler", "searcher"):
        if before.get(part) != now.get(part):
            has, got = describe_difference(part, before.get(part, {}), now[part])
            differs = f"has another {part} ({has}), got {got}"
            yield f"resume: {folder} {differs}; choose another name=NAME."
    defaults, settings = tuples_to_lists(asdict(Settings())), now["study"]
    assert isinstance(settings, dict)
    for key in ("seed", "fidelity", "precision", "objectives", "constraint", "init"):
        expected = before["study"].get(key, defaults[key])
        if expected != settings.get(key, defaults[key]):
            text = ",".join(expected) if isinstance(expected, list) else expected
            yield f"{key}: must be {text}, as in {folder}, to resume it."
    if (earlier_epochs := before["study"]["epochs"]) > plan.epochs:
        yield f"epochs: must be at least {earlier_epochs}, as in {folder}, to resume it."
