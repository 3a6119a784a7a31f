"""What `--help` says about keys, members and knobs, read from outlines of modules."""

import inspect
import textwrap
from collections.abc import Iterator, Mapping
from types import ModuleType

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from trainables.hparams.group import Group
from trainables.hparams.knobs import REQUIRED, Knob
from tuner.cli.format import format_value

WIDTH = 80
"""Columns of the help."""


def wrap(text: str, indent: int) -> str:
    """Return text in lines of at most a screen's width, each indented."""
    space = " " * indent
    return textwrap.fill(
        text, WIDTH - 1, initial_indent=space, subsequent_indent=space, break_on_hyphens=False
    )


def shorten(start: str, text: str) -> str:
    """Return a start and as much of a text as fits on the line after it."""
    return start + textwrap.shorten(text, WIDTH - 1 - len(start), placeholder=" ...")


def heading(title: str, syntax: str = "") -> Text:
    """Return a title and the syntax of the entries below it."""
    return Text.assemble("\n", (title, "bold"), f"  {syntax}" if syntax else "")


def describe_members(group: Group) -> Table:
    """Return the members of a group with the first line of their docstrings."""
    grid = Table.grid(padding=(0, 2))
    for name in group.members():
        grid.add_row(f"  {name}", first_docstring_line(group.load(name)))
    return grid


def describe_group(name: str, group: Group) -> Iterator[RenderableType]:
    """Yield the members of a group, and the knobs that all of them have."""
    syntax = f"{name}=NAME, {name}.KNOB=VALUE" if group.package else f"{name}.KNOB=VALUE"
    yield heading(f"{name}: {group.description}", syntax)
    if group.package:
        yield describe_members(group)
    if common := group.common_knobs():
        yield f"\n  Of every {name}:" if group.package else ""
        yield from describe_knobs(common, f"{name}.")


def describe_member(choice: str, group: Group, member: str) -> Iterator[RenderableType]:
    """Yield the docstring of a member, what else it sets, and its knobs.

    Args:
        choice: What is typed before the name of the member, such as "method" for method=trades.
        group: Its group; without required functions, it has no knobs.
        member: Its name.
    """
    module = group.load(member)
    yield heading(f"{choice}={member}")
    yield textwrap.indent(inspect.getdoc(module) or "", "  ")
    for key, values in getattr(module, "COMPANIONS", {}).items():
        settings = (f"{key}={v}" if k == "name" else f"{key}.{k}={v}" for k, v in values.items())
        yield wrap(f"It sets {', '.join(settings)} unless you set {key}.", 2)
    if group.required_functions:
        common = group.common_knobs()
        own = {k: knob for k, knob in group.member_knobs(member).items() if k not in common}
        yield from describe_knobs(own, f"{choice}.")


def describe_knobs(knobs: Mapping[str, Knob], prefix: str) -> Iterator[RenderableType]:
    """Yield the path, the allowed values and the default of knobs, and their meaning below."""
    for name, knob in knobs.items():
        default = "required" if knob.default is REQUIRED else f"[{format_default(knob.default)}]"
        yield Text.assemble(
            "  ", (f"{prefix}{name}", "bold"), f"  {knob.allowed_values}  {default}"
        )
        yield wrap(knob.description, 6)


def first_docstring_line(module: ModuleType) -> str:
    """Return the first line of a module's docstring."""
    return (inspect.getdoc(module) or "").partition("\n")[0]


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
