"""A group of a configuration: the interchangeable modules of one package."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType

from trainables.hparams import registry
from trainables.hparams.knobs import Knob, read_knobs

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
        common_functions: Functions that every member has, with further knobs.
        default: The member of a configuration that names none.
    """

    description: str
    package: str | None
    required_functions: tuple[str, ...]
    common_functions: tuple[Callable[..., object], ...] = ()
    default: str | None = None

    def members(self) -> list[str]:
        """Return the names of the members."""
        return registry.list_members(self.package) if self.package else []

    def load(self, name: str) -> ModuleType:
        """Return the module of a member.

        Raises:
            LookupError: If there is no such member.
        """
        assert self.package is not None
        return registry.load_member(self.package, name)

    def member_functions(self, name: str | None) -> dict[str, Callable[..., object]]:
        """Return the functions of the member `name` by name, including the common ones.

        Raises:
            LookupError: If there is no such member, or it lacks a valid required function.
        """
        common = {function.__name__: function for function in self.common_functions}
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
            key: k for function in self.common_functions for key, k in read_knobs(function).items()
        }

    def all_knobs(self) -> dict[str, list[Knob]]:
        """Return the knobs of all members, a list per name."""
        members: list[str | None] = [*self.members()] or [None]
        knobs: dict[str, list[Knob]] = {}
        for member in members:
            for key, knob in self.member_knobs(member).items():
                knobs.setdefault(key, []).append(knob)
        return knobs
