"""Whether a study that has begun can go on in another space: in one that holds all of its own."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tuner.domains import contains, format_domain, contains_domain
from tuner.plan import Plan, Variant, flatten_groups, tuples_to_lists
from tuner.typed_domains import parse_value_or_domain

VariantDescription = Mapping[str, Any]
"""A variant as `search.yaml` has it: what is searched, as it would be typed, and what is fixed."""


def check_space_contains(folder: Path, before: VariantDescription, plan: Plan) -> Iterator[str]:
    """Yield where a plan leaves out what a study has searched, knob by knob.

    Args:
        folder: The results folder.
        before: What its `search.yaml` says.
        plan: What is to go on.
    """
    after = {variant.label: variant for variant in plan.variants}
    for label, old in (before.get("variants") or {"": before}).items():
        if label in after:
            yield from check_variant_contains(folder, old, after[label])
        elif all(any(check_variant_contains(folder, old, variant)) for variant in after.values()):
            name = f"the variant {label!r}" if label else f"one variant, now {len(after)}"
            yield f"resume: {folder} has {name}; none of this study holds it."


def check_variant_contains(folder: Path, old: VariantDescription, variant: Variant) -> Iterator[str]:
    """Yield what a variant no longer holds that an earlier one has."""
    searched, fixed = old["searched"], flatten_groups(old["fixed"])
    now = flatten_groups(tuples_to_lists(variant.fixed))
    others = {group for group in {**now, **fixed} if now.get(group) != fixed.get(group)}
    for path in {**searched, **fixed, **variant.searched, **now}:
        if path.partition(".")[0] in others - {path}:
            continue  # another member has knobs of its own
        domain = variant.searched.get(path)
        if path in searched and domain is None:
            must, got = f"be searched in {searched[path]}", now.get(path, "nothing")
        elif path in searched and not domain_contains(domain, searched[path]):
            must, got = f"hold {searched[path]}", format_domain(domain)
        elif path in fixed and domain is not None and not contains(domain, fixed[path]):
            must, got = f"hold {fixed[path]}", format_domain(domain)
        elif path not in searched and domain is None and now.get(path, ...) != fixed.get(path, ...):
            must, got = f"be {fixed.get(path, 'left out')}", now.get(path, "nothing")
        else:
            continue
        yield f"{path}: must {must}, as in {folder}, to go on with it, got {got}."


def domain_contains(domain: Any, text: str) -> bool:  # noqa: ANN401
    """Return whether a domain holds all of one that is typed as `text`."""
    if format_domain(domain) == text:
        return True
    try:
        return contains_domain(domain, parse_value_or_domain(text))
    except ValueError:
        return False  # a domain of a space's own, which cannot be typed
