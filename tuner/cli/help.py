"""What `--help` prints: everything that can be typed, read from the folders and signatures."""

import inspect
from types import ModuleType

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trainables.hparams import registry
from trainables.hparams.group import Group
from trainables.hparams.knobs import REQUIRED, Knob
from tuner.cli.format import format_value


def print_members(console: Console, folder: str) -> None:
    """Print the members of a folder with the first line of their docstrings."""
    grid = Table.grid(padding=(0, 2))
    for name in registry.list_members(folder):
        grid.add_row(f"  {name}", first_docstring_line(registry.load_member(folder, name)))
    console.print(grid)


def print_group(console: Console, name: str, group: Group) -> None:
    """Print a group: its members and their knobs, those that all share last."""
    how = f"{name}=NAME, {name}.KNOB=VALUE" if group.package else f"{name}.KNOB=VALUE"
    print_heading(console, f"{name}: {group.description}", how)
    common = group.common_knobs()
    for member in group.members():
        console.print(f"  {member}: {first_docstring_line(group.load(member))}")
        own = {k: v for k, v in group.member_knobs(member).items() if k not in common}
        if own:
            console.print(build_knob_table(own, f"{name}."))
    if common:
        console.print("  with any:" if group.package else "  its knobs:")
        console.print(build_knob_table(common, f"{name}."))


def first_docstring_line(module: ModuleType) -> str:
    """Return the first line of a module's docstring."""
    return (inspect.getdoc(module) or "").partition("\n")[0]


def print_heading(console: Console, title: str, syntax: str) -> None:
    """Print a title and how to use what follows."""
    console.print(Text.assemble("\n", (title, "bold"), f"  {syntax}"))


def build_knob_table(entries: dict[str, Knob], prefix: str) -> Table:
    """Return knobs as a table: path, what is allowed, default, meaning."""
    grid = Table.grid(padding=(0, 2))
    for name, knob in entries.items():
        default = "required" if knob.default is REQUIRED else f"[{format_value(knob.default)}]"
        grid.add_row(f"    {prefix}{name}", knob.allowed_values, default, knob.description)
    return grid
