"""Check that each searched knob is used by the chosen components."""

from collections.abc import Iterator, Mapping
from typing import Any

from trainables.components import GROUPS
from trainables.injection import injected_names
from trainables.protocols import uses_attack
from tuner.config.domains import is_domain


def check_unused_knobs(
    groups: Mapping[str, Mapping[str, object]], fixed: Mapping[str, Mapping[str, object]]
) -> Iterator[str]:
    """Yield a problem for each searched knob that has no effect.

    Args:
        groups: Valid knobs and domains by group.
        fixed: The fixed knobs of `groups`, with defaults.
    """
    for group, why in find_unused_groups(fixed):
        settings = groups.get(group, {})
        for knob in (key for key, value in settings.items() if is_domain(value)):
            yield f"{group}.{knob}: changes nothing, because {why}."


def find_unused_groups(fixed: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield each group that a configuration does not use, and why."""
    method, update = (GROUPS[name].load(fixed[name]["name"]) for name in ("method", "update"))
    called = f"method={fixed['method']['name']}"
    attacked = uses_attack(method.inner)
    if not attacked:
        yield "attack", f"{called} attacks nothing"
    elif "attack" not in injected_names(update.update):
        yield "attack", f"update={fixed['update']['name']} crafts without one"
    sees_threat = any("threat" in injected_names(f) for f in (method.outer, update.update))
    if not attacked and not sees_threat:
        yield "eps_schedule", f"{called} attacks nothing"
    if not any("criterion" in injected_names(f) for f in (method.inner, method.outer)):
        yield "criterion", f"{called} has a built-in loss"
