"""A group of a configuration: interchangeable modules, read from the folder that holds them."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from trainables.hparams import registry
from trainables.hparams.knobs import Knob, read_knobs


@dataclass(frozen=True)
class Group:
    """Interchangeable modules, and what is common to them.

    Attributes:
        description: What the group decides, in a few words.
        package: Dotted name of the package with the members; none if there is only one.
        required_functions: Functions that each member defines.
        common_functions: Functions that come with every member, with knobs of their own.
        default: The member where a configuration names none.
    """

    description: str
    package: str | None
    required_functions: tuple[str, ...]
    common_functions: tuple[Callable[..., object], ...] = ()
    default: str | None = None

    def members(self) -> list[str]:
        """Return the names to choose from."""
        return registry.list_members(self.package) if self.package else []

    def load(self, name: str) -> ModuleType:
        """Return a member.

        Raises:
            LookupError: If there is no such member.
        """
        assert self.package is not None
        return registry.load_member(self.package, name)

    def member_functions(self, name: str | None) -> dict[str, Callable[..., object]]:
        """Return the functions behind the member `name`, the common ones included.

        Raises:
            LookupError: If there is no such member, or it lacks a function that can be read.
        """
        found = {function.__name__: function for function in self.common_functions}
        if self.package is None:
            return found
        module = self.load(name or "")
        missing = [each for each in self.required_functions if not hasattr(module, each)]
        if missing:
            raise LookupError(f"{name} must define {' and '.join(missing)}.")
        own = {each: getattr(module, each) for each in self.required_functions}
        for each, function in own.items():
            try:
                read_knobs(function)
            except Exception as error:  # a user's annotations can fail in any way
                reason = f"{type(error).__name__}: {error}"
                raise LookupError(f"{name} must define a function {each} ({reason}).") from error
        return own | found

    def member_knobs(self, name: str | None) -> dict[str, Knob]:
        """Return the knobs of the member `name` by name."""
        return {
            key: k for f in self.member_functions(name).values() for key, k in read_knobs(f).items()
        }

    def common_knobs(self) -> dict[str, Knob]:
        """Return the knobs that come with every member by name."""
        return {
            key: k for function in self.common_functions for key, k in read_knobs(function).items()
        }

    def all_knobs(self) -> dict[str, list[Knob]]:
        """Return the knobs that any member has by name."""
        members: list[str | None] = [*self.members()] or [None]
        found: dict[str, list[Knob]] = {}
        for member in members:
            for key, knob in self.member_knobs(member).items():
                found.setdefault(key, []).append(knob)
        return found
