"""Search for the most robust configuration: `python -m tuner.search space=weight_decay`."""

import sys
from collections.abc import Sequence
from dataclasses import fields
from functools import partial

from rich.console import Console

from trainables.components import GROUPS
from trainables.hparams.knobs import read_knobs
from tuner.cli.command import run_command
from tuner.cli.help import build_knob_table, print_group, print_heading, print_members
from tuner.cli.parse import CommandLine, Vocabulary, parse_arguments, parse_command_line
from tuner.config.compose import compose_plan
from tuner.config.domain_parser import parse_value_or_domain
from tuner.config.plan import STUDY_GROUPS
from tuner.config.settings import TRACKERS_PACKAGE, Settings
from tuner.config.spaces import RECIPES_PACKAGE, SPACES_PACKAGE
from tuner.launch import launch

VOCABULARY = Vocabulary(
    keys=("space", "recipe", *(field.name for field in fields(Settings))),
    groups={**GROUPS, **STUDY_GROUPS},
    paths=frozenset({
        "name",
        *(name for name, knob in read_knobs(Settings).items() if knob.is_path),
    }),
    optional=frozenset(name for name, knob in read_knobs(Settings).items() if knob.allows_none),
    parse=parse_value_or_domain,
)
INTRODUCTION = """\
Search for the most robust configuration of adversarial training.

  python -m tuner.search space=weight_decay
  python -m tuner.search space=weight_decay data=cifar10 gpu=0.5 trials=40
  python -m tuner.search 'optimizer.lr=loguniform(1e-4,1e-2)' dry_run=true

Every argument is key=value. Choose the component of a group by name (method=pgd_at), and set a
hyper-parameter (knob) by its dotted name (attack.steps=7). To search it, give a Ray Tune domain:
uniform, loguniform, quniform, qloguniform, randint, lograndint, qrandint, choice or grid. A number
may be a fraction (8/255). A recipe sets the fixed values, a space the searched ranges; arguments
override both.
"""


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: Command line without the program.
    """
    parse = partial(parse_command_line, vocabulary=VOCABULARY, takes_folders=False)
    return run_command(words, print_usage, parse, search)


def search(line: CommandLine, console: Console) -> int:
    """Compose the plan and launch it; return the exit status.

    Raises:
        InputError: If an argument is invalid.
    """
    plan = compose_plan(line.arguments, line.problems)
    return launch(plan, ["python", "-m", "tuner.search", *line.words], console)


def parse_search_arguments(words: Sequence[str]) -> tuple[dict[str, object], list[str]]:
    """Return the arguments of a search as nested dictionaries, and their problems.

    Args:
        words: Command line without the program.
    """
    return parse_arguments(words, VOCABULARY)


def print_usage(console: Console) -> None:
    """Print the help text."""
    console.print(INTRODUCTION)
    print_heading(console, "Study", "KEY=VALUE")
    console.print(build_knob_table(read_knobs(Settings), ""))
    for key, package in (("space", SPACES_PACKAGE), ("recipe", RECIPES_PACKAGE)):
        print_heading(console, f"{key.capitalize()}s", f"{key}=NAME, or the path of a Python file")
        print_members(console, package)
    print_heading(console, "Trackers", "tracker=NAME,NAME, or none")
    print_members(console, TRACKERS_PACKAGE)
    for name, group in {**GROUPS, **STUDY_GROUPS}.items():
        print_group(console, name, group)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
