"""Tables of members and knobs for `--help`, read from packages and signatures."""

import inspect
from types import ModuleType

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trainables.hparams import registry
from trainables.hparams.group import Group
from trainables.hparams.knobs import REQUIRED, Knob
from tuner.cli.format import format_value


def print_members(console: Console, package: str) -> None:
    """Print the members of a package with the first line of their docstrings."""
    grid = Table.grid(padding=(0, 2))
    for name in registry.list_members(package):
        grid.add_row(f"  {name}", first_docstring_line(registry.load_member(package, name)))
    console.print(grid)


def print_group(console: Console, name: str, group: Group) -> None:
    """Print the members of a group and their knobs; knobs that all members share come last."""
    syntax = f"{name}=NAME, {name}.KNOB=VALUE" if group.package else f"{name}.KNOB=VALUE"
    print_heading(console, f"{name}: {group.description}", syntax)
    common = group.common_knobs()
    for member in group.members():
        specific = {k: v for k, v in group.member_knobs(member).items() if k not in common}
        print_member(console, member, group.load(member), specific, f"{name}.")
    if common:
        console.print("  with any:" if group.package else "  its knobs:")
        console.print(build_knob_table(common, f"{name}."))


def print_member(
    console: Console, name: str, module: ModuleType, knobs: dict[str, Knob], prefix: str
) -> None:
    """Print a member and its knobs, each with `prefix` before its name."""
    console.print(f"  {name}: {first_docstring_line(module)}")
    if knobs:
        console.print(build_knob_table(knobs, prefix))


def first_docstring_line(module: ModuleType) -> str:
    """Return the first line of a module's docstring."""
    return (inspect.getdoc(module) or "").partition("\n")[0]


def print_heading(console: Console, title: str, syntax: str) -> None:
    """Print a title and the syntax of the entries below it."""
    console.print(Text.assemble("\n", (title, "bold"), f"  {syntax}"))


def format_default(value: object) -> str:
    """Return a default as it is typed.

    >>> format_default(None), format_default(()), format_default(True), format_default((1, 2))
    ('none', 'none', 'true', '1,2')
    """
    if isinstance(value, tuple):
        return ",".join(map(format_default, value)) or "none"
    return (
        str(value).lower()
        if value is None or value is True or value is False
        else format_value(value)
    )


def build_knob_table(knobs: dict[str, Knob], prefix: str) -> Table:
    """Return a table of knobs: path, allowed values, default, meaning."""
    grid = Table.grid(padding=(0, 2))
    for name, knob in knobs.items():
        default = "required" if knob.default is REQUIRED else f"[{format_default(knob.default)}]"
        grid.add_row(f"    {prefix}{name}", knob.allowed_values, default, knob.description)
    return grid
