"""A group of a configuration: the interchangeable modules of one package."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType

from trainables.errors import did_you_mean
from trainables.hparams import registry
from trainables.hparams.knobs import Knob, read_knobs
from trainables.hparams.outline import load_outline

Groups = Mapping[str, Mapping[str, object]]
"""A configuration: group to member, under `name`, and knobs."""


def group_values(configuration: Mapping[str, object], group: str) -> Mapping[str, object]:
    """Return the member and knobs that a configuration sets in a group; empty: it sets none."""
    values = configuration.get(group)
    return values if isinstance(values, Mapping) else {}


def member_name(values: Mapping[str, object]) -> str | None:
    """Return the member that the values of a group name; `None`: they name none."""
    name = values.get("name")
    return name if isinstance(name, str) else None


@dataclass(frozen=True)
class Group:
    """Interchangeable modules ("members"), of which a configuration selects one.

    Attributes:
        description: What the group decides, in a few words.
        package: Dotted name of the package that holds the members. `None`: there is nothing to
            select, and the group consists of `common_functions`.
        required_functions: Names of the functions that each member defines.
        common_functions: Dotted names of functions that every member has, with further knobs. They
            are imported when they are needed, as PyTorch takes seconds to import.
        default: The member of a configuration that names none.
        outlined: Whether `load` returns outlines, which have signatures and docstrings alone.
    """

    description: str
    package: str | None
    required_functions: tuple[str, ...]
    common_functions: tuple[str, ...] = ()
    default: str | None = None
    outlined: bool = False

    def outline(self) -> "Group":
        """Return the group with outlines of its members, for help, completion and key checks."""
        return replace(self, outlined=True)

    def members(self) -> list[str]:
        """Return the names of the members."""
        return registry.list_members(self.package) if self.package else []

    def load(self, name: str) -> ModuleType:
        """Return the module of a member.

        Raises:
            LookupError: If there is no such member.
        """
        assert self.package is not None
        module = registry.find_modules(self.package).get(name) if self.outlined else None
        return load_outline(module) if module else registry.load_member(self.package, name)

    def knob_group(self, name: str) -> "Group":
        """Return the knobs of a member as a group, such as fgsm.step=VALUE."""
        assert self.package is not None
        module = registry.locate_member(self.package, name)
        functions = tuple(f"{module}.{function}" for function in self.required_functions)
        return Group(self.description, None, (), functions)

    def load_common_functions(self) -> dict[str, Callable[..., object]]:
        """Return the functions that every member has by name."""
        load = load_outline if self.outlined else importlib.import_module
        parts = (name.rpartition(".") for name in self.common_functions)
        return {function: getattr(load(module), function) for module, _, function in parts}

    def member_functions(self, name: str | None) -> dict[str, Callable[..., object]]:
        """Return the functions of the member `name` by name, including the common ones.

        Raises:
            LookupError: If there is no such member, or it lacks a valid required function.
        """
        common = self.load_common_functions()
        if self.package is None:
            return common
        module = self.load(name or "")
        missing = [
            function for function in self.required_functions if not hasattr(module, function)
        ]
        if missing:
            raise LookupError(f"{name} must define {' and '.join(missing)}.")
        required = {function: getattr(module, function) for function in self.required_functions}
        for key, function in required.items():
            try:
                read_knobs(function)
            except Exception as error:  # annotations of a custom file can raise anything
                reason = f"{type(error).__name__}: {error}"
                raise LookupError(f"{name} must define a function {key} ({reason}).") from error
        return required | common

    def member_knobs(self, name: str | None) -> dict[str, Knob]:
        """Return the knobs of the member `name` by name."""
        return {
            key: k for f in self.member_functions(name).values() for key, k in read_knobs(f).items()
        }

    def former_values(self, name: str | None) -> dict[str, object]:
        """Return the knobs of the member `name` that it did not always have, and what it did then.

        The modules that define its functions name them in `FORMER_VALUES`.
        """
        return {
            key: value
            for function in self.member_functions(name).values()
            for key, value in getattr(
                inspect.getmodule(function), "FORMER_VALUES", dict[str, object]()
            ).items()
            if key in read_knobs(function)
        }

    def common_knobs(self) -> dict[str, Knob]:
        """Return the knobs that every member has by name."""
        return {
            key: k
            for function in self.load_common_functions().values()
            for key, k in read_knobs(function).items()
        }

    def all_knobs(self) -> dict[str, list[Knob]]:
        """Return the knobs of all members, a list per name."""
        members: list[str | None] = [*self.members()] or [None]
        knobs: dict[str, list[Knob]] = {}
        for member in members:
            for key, knob in self.member_knobs(member).items():
                knobs.setdefault(key, []).append(knob)
        return knobs


def unknown_knob_message(
    name: str, group: Group, member: str | None, key: str, knobs_of_member: Mapping[str, Knob]
) -> str:
    """Return the message about a knob that the member lacks, with the members that have it."""
    target = f"{name}={member}" if member else name
    owners = [other for other in group.members() if key in group.member_knobs(other)]
    elsewhere = f" It is a knob of {', '.join(f'{name}={other}' for other in owners)}."
    return (
        f"{name}.{key}: no such knob of {target}.{did_you_mean(key, knobs_of_member)}"
        f"{elsewhere if owners else ''} It has: {', '.join(knobs_of_member) or 'none'}."
    )
