"""Check custom files by the contract of their groups: `python -m tuner.check method=./mine.py`."""

import sys
from collections.abc import Mapping, Sequence

from rich.console import Console

from trainables.binding import bind_member, check_member
from trainables.components import GROUPS
from trainables.data_pipeline.images import DataError, Dataset
from trainables.errors import InputError
from trainables.hparams.group import group_values, member_name
from tuner.cli.command import FAILED, OK
from tuner.cli.parse import CommandLine
from tuner.cli.run import run_command
from tuner.commands.check import COMMAND
from tuner.contracts.member import check_contract


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status: 1 if there is a problem.

    Args:
        words: Command line without the program.
    """
    return run_command(words, COMMAND, check_components)


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
