"""Tables of the searched and fixed knobs of a plan."""

from collections.abc import Mapping

from rich.table import Table

from trainables.components import GROUPS
from trainables.hparams.group import member_name
from tuner.cli.format import format_value
from tuner.config.plan import Plan, Variant, flatten_groups
from tuner.config.priors import format_with_prior


def build_group_table(plan: Plan) -> Table:
    """Return a table of the knobs that are searched and fixed in every variant, by group."""
    first, *others = plan.variants
    result = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("group", "searched", "fixed"):
        result.add_column(name)
    for group, values in first.fixed.items():
        common = {
            knob: value
            for knob, value in values.items()
            if all(knob in v.fixed[group] and v.fixed[group][knob] == value for v in others)
        }
        alike = [v.searched == first.searched for v in others]
        result.add_row(
            group, format_searched_knobs(first, group) if all(alike) else "", format_member(common)
        )
    return result


def build_variant_table(plan: Plan) -> Table:
    """Return a table with one row per variant: its knobs and its published results."""
    result = Table(box=None, header_style="dim", pad_edge=False)
    result.add_column("variant")
    result.add_column("has")
    measured = list(dict.fromkeys(key for v in plan.variants for key in v.published))
    for name in measured:
        result.add_column(name, justify="right")
    everywhere = set.intersection(*(fixed_items(variant) for variant in plan.variants))
    for variant in plan.variants:
        own = [
            f"{path}={format_value(value)}"
            for path, value in flatten_groups(variant.fixed).items()
            if (path, repr(value)) not in everywhere and not is_default(variant, path)
        ]
        searched = [format_searched_knobs(variant, group) for group in variant.fixed]
        numbers = [variant.published.get(name, "") for name in measured]
        has = " ".join(filter(None, [*own, *searched]))
        result.add_row(variant.label, has, *numbers)
    return result


def fixed_items(variant: Variant) -> set[tuple[str, str]]:
    """Return path and repr of each fixed value of a variant."""
    return {(path, repr(value)) for path, value in flatten_groups(variant.fixed).items()}


def is_default(variant: Variant, path: str) -> bool:
    """Return whether a knob of a variant has its default value."""
    group, _, knob = path.partition(".")
    values = variant.fixed[group]
    knobs = GROUPS[group].member_knobs(member_name(values))
    return bool(knob) and values[knob] == knobs[knob].default


def format_searched_knobs(variant: Variant, group: str) -> str:
    """Format the searched knobs of a group as they are typed."""
    return " ".join(
        f"{path.partition('.')[2]}={format_with_prior(domain)}"
        for path, domain in variant.searched.items()
        if path.startswith(f"{group}.")
    )


def format_member(values: Mapping[str, object]) -> str:
    """Format the member and knobs of a group as they are typed."""
    name = [str(values["name"])] if "name" in values else []
    return " ".join([*name, *(f"{k}={format_value(v)}" for k, v in values.items() if k != "name")])
