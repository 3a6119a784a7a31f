"""Knobs that are newer than a configuration on disk: what it did without them.

A member names in `FORMER_VALUES` which value of a newer knob means the behaviour before it. A knob
may also have got other values since: it reads those that it had, and they are converted.
"""

from collections.abc import Container, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from trainables.components import GROUPS
from trainables.hparams.group import Groups, member_name
from trainables.hparams.knobs import REQUIRED
from trainables.hparams.trusted_code import is_code_file
from tuner.config.domains import contains
from tuner.config.plan import Plan, tuples_to_lists


@dataclass(frozen=True)
class NewerKnobs:
    """The knobs that a configuration lacks.

    Attributes:
        former: Path to the value that means the behaviour without the knob.
        defaults: Path to the default of a knob for which no such value is known.
    """

    former: dict[str, object] = field(default_factory=dict)
    defaults: dict[str, object] = field(default_factory=dict)

    def complete(self, groups: Groups) -> dict[str, dict[str, object]]:
        """Return the groups of a configuration with these knobs."""
        return set_knobs(groups, self.defaults | self.former)

    def describe(self, source: object) -> Iterator[str]:
        """Yield what becomes of these knobs.

        Args:
            source: Where the configuration comes from.
        """
        if self.former:
            yield f"{source} is older than these knobs, which keep what it did before: " + (
                format_knobs(self.former)
            )
        if self.defaults:
            yield f"{source} is older than these knobs, which take their defaults: " + (
                format_knobs(self.defaults)
            )


def find_newer_knobs(groups: Groups, searched: Container[str] = ()) -> NewerKnobs:
    """Return the knobs that a whole configuration lacks.

    Code files are passed over: results may come from an untrusted source, and reading the knobs of
    a file runs it.

    Args:
        groups: Its groups.
        searched: Paths of knobs that it searches, besides.
    """
    newer = NewerKnobs()
    for name, values in groups.items():
        if is_code_file(str(values.get("name"))):
            continue
        with suppress(LookupError):  # a member that is gone is reported elsewhere
            former = GROUPS[name].former_values(member_name(values))
            for key, knob in GROUPS[name].member_knobs(member_name(values)).items():
                path = f"{name}.{key}"
                if key in values or path in searched or knob.default is REQUIRED:
                    continue
                if key in former:
                    newer.former[path] = tuples_to_lists(former[key])
                else:
                    newer.defaults[path] = tuples_to_lists(knob.default)
    return newer


def convert_values(groups: Groups) -> dict[str, dict[str, object]]:
    """Return groups with each value as its knob reads it now; invalid ones are reported elsewhere.

    Code files are passed over, as in `find_newer_knobs`.

    >>> convert_values({"model": {"name": "resnet18", "normalize": True}})
    {'model': {'name': 'resnet18', 'normalize': 'data'}}
    """
    converted = set_knobs(groups, {})
    for name, values in converted.items():
        if is_code_file(str(values.get("name"))):
            continue
        with suppress(LookupError):
            knobs = GROUPS[name].member_knobs(member_name(values))
            for key in knobs.keys() & values.keys():
                with suppress(ValueError):
                    values[key] = tuples_to_lists(knobs[key].validate(values[key]))
    return converted


def add_newer_groups(groups: Groups) -> dict[str, dict[str, object]]:
    """Return a whole configuration with the groups that it is older than, and their defaults.

    >>> add_newer_groups({"average": {"name": "ema"}})["average"]
    {'name': 'ema'}
    >>> add_newer_groups({"average": {"name": "ema"}})["teacher"]
    {'name': 'none'}
    """
    newer: dict[str, dict[str, object]] = {
        name: {"name": group.default}
        for name, group in GROUPS.items()
        if group.default and name not in groups
    }
    return {name: dict(values) for name, values in groups.items()} | newer


def complete_trial(groups: Groups, plan: Plan) -> dict[str, dict[str, object]]:
    """Return the groups of an earlier trial with all knobs, and with values as a plan has them.

    A searched value stays as the plan lists it.
    """
    listed = {
        path: groups[group][knob]
        for variant in plan.variants
        for path, domain in variant.searched.items()
        for group, _, knob in [path.partition(".")]
        if knob in groups.get(group, {}) and contains(domain, groups[group][knob])
    }
    completed = find_newer_knobs(groups).complete(groups)
    return set_knobs(convert_values(add_newer_groups(completed)), listed)


def set_knobs(groups: Groups, values: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return groups with the knobs of `values`, by path, set."""
    result = {name: dict(knobs) for name, knobs in groups.items()}
    for path, value in values.items():
        group, _, knob = path.partition(".")
        result[group][knob] = value
    return result


def format_knobs(values: Mapping[str, object]) -> str:
    """Return knobs as typed on the command line."""
    return ", ".join(f"{path}={value}" for path, value in values.items()) + "."
