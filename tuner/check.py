"""Check custom files by the contract of their groups: `python -m tuner.check method=./mine.py`."""

import sys
from collections.abc import Mapping, Sequence
from functools import partial

from rich.console import Console

from trainables.binding import bind_member, check_member
from trainables.components import GROUPS
from trainables.data_pipeline.images import DataError, Dataset
from trainables.errors import InputError
from trainables.hparams.group import group_values, member_name
from tuner.cli.command import FAILED, OK, run_command
from tuner.cli.parse import CommandLine, Vocabulary, parse_command_line
from tuner.contracts.member import CONTRACTS, check_contract

INTRODUCTION = """\
Check a custom method, network, data set or other component by what every component of its group
must do: shapes, ranges, gradients, device, random numbers, documentation. It takes seconds, and
all problems are reported at once.

  python -m tuner.check method=./mine.py
  python -m tuner.check model=./net.py data=arrays data.path=mine.npz
  python -m tuner.check attack=./mine.py attack.steps=3
"""
VOCABULARY = Vocabulary(keys=(), groups={name: GROUPS[name] for name in CONTRACTS})


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status: 1 if there is a problem.

    Args:
        words: Command line without the program.
    """
    parse = partial(parse_command_line, vocabulary=VOCABULARY, takes_folders=False)
    return run_command(words, print_usage, parse, check_components)


def print_usage(console: Console) -> None:
    """Print the help text."""
    console.print(INTRODUCTION)
    console.print(f"Groups: {', '.join(CONTRACTS)}.")


def check_components(line: CommandLine, console: Console) -> int:
    """Check the components of a command line; return the exit status.

    Raises:
        InputError: If the command is wrong.
    """
    given = {group: group_values(line.arguments, group) for group in line.arguments}
    problems = [*line.problems]
    problems += [
        f"{group}: needs a name; write {group}=FILE.py."
        for group, values in given.items()
        if member_name(values) is None
    ]
    if problems:
        raise InputError(problems)
    images = load_images(given.get("data"))
    found = list[str]()
    for group, values in given.items():
        name, knobs = str(values["name"]), {k: v for k, v in values.items() if k != "name"}
        mistakes = list(check_contract(group, name, knobs, images))
        found += mistakes
        if not mistakes:
            console.print(f"{group}={name}: no problem found.", soft_wrap=True)
    for text in found:
        console.print(text, soft_wrap=True)
    return FAILED if found else OK


def load_images(values: Mapping[str, object] | None) -> Dataset | None:
    """Return the data set for the check of a network; `None`: none is given, or it is invalid."""
    if values is None:
        return None
    name, knobs = str(values["name"]), {k: v for k, v in values.items() if k != "name"}
    if list(check_member("data", GROUPS["data"], name, knobs)):
        return None  # `check_contract` reports it
    try:
        data = bind_member(GROUPS["data"], name, knobs)["load"]()
    except DataError:
        return None
    except Exception:  # a custom file can raise anything; `check_contract` reports it
        return None
    return data if isinstance(data, Dataset) else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
