"""What `--help` prints: everything that can be typed, read from the folders and signatures."""

import inspect
from types import ModuleType

from rich.console import Console
from rich.table import Table

from trainables import catalogue
from trainables.groups import GROUPS, Group
from trainables.knobs import read_knobs
from tuner.listing import print_heading, build_knob_table
from tuner.settings import TRACKERS_PACKAGE, Settings
from tuner.space import RECIPES_PACKAGE, SPACES_PACKAGE
from tuner.study_groups import STUDY_GROUPS

INTRODUCTION = """\
Search for the most robust configuration of adversarial training.

  python -m tuner.search space=weight_decay
  python -m tuner.search space=weight_decay data=cifar10 gpu=0.5 trials=40
  python -m tuner.search 'optimizer.lr=loguniform(1e-4,1e-2)' dry_run=true

Every argument is key=value. A group is chosen by name (method=pgd_at), a knob set by its path
(attack.steps=7), a knob searched by a domain in Ray Tune's words (uniform, loguniform, quniform,
qloguniform, randint, lograndint, qrandint, choice, grid), and a number may be a fraction (8/255).
A recipe says what is fixed, a space what varies; what you type comes on top of both.
"""


def print_usage(console: Console) -> None:
    """Print how the command is used."""
    console.print(INTRODUCTION)
    print_heading(console, "Study", "KEY=VALUE")
    console.print(build_knob_table(read_knobs(Settings), ""))
    for key, folder in (("space", SPACES_PACKAGE), ("recipe", RECIPES_PACKAGE)):
        print_heading(console, f"{key.capitalize()}s", f"{key}=NAME, or a path to a file of your own")
        print_members(console, folder)
    print_heading(console, "Trackers", "tracker=NAME,NAME, or none")
    print_members(console, TRACKERS_PACKAGE)
    for name, group in {**GROUPS, **STUDY_GROUPS}.items():
        print_group(console, name, group)


def print_members(console: Console, folder: str) -> None:
    """Print the members of a folder with the first line of their docstrings."""
    grid = Table.grid(padding=(0, 2))
    for name in catalogue.list_members(folder):
        grid.add_row(f"  {name}", first_docstring_line(catalogue.load_member(folder, name)))
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
