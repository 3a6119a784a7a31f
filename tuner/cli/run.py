"""Run a command: help, refusal of mistyped words, error output and exit status."""

import importlib
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from io import TextIOWrapper

from rich.console import Console

from trainables.components import suggest_group
from trainables.errors import InputError, did_you_mean
from trainables.hparams.group import Group, group_values, unknown_knob_message
from trainables.hparams.registry import missing_member
from tuner.cli import signals
from tuner.cli.command import BAD_INPUT, OK, Action, Command
from tuner.cli.console import JsonConsole, SafeConsole
from tuner.cli.parse import Vocabulary
from tuner.cli.schema import read_settings
from tuner.cli.topics import print_help
from tuner.cli.values import parse_value

JSON_WORD = "log=json"
HELP_WORDS = {"--help", "-h", "help"}


def escape_unencodable() -> None:
    """Make stdout escape characters that the terminal's encoding lacks, as stderr does."""
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def run_command(
    words: Sequence[str],
    command: Command,
    action: Action | str,
    *,
    loading_message: str = "",
) -> int:
    """Run a command; return its exit status.

    Args:
        words: Command line without the program.
        command: Its keys and help.
        action: Runs the parsed command and returns the exit status. MODULE:NAME is imported once
            the words are right; what is mistyped is then reported first.
        loading_message: Printed in a terminal before that import; empty: nothing.
    """
    escape_unencodable()
    console = JsonConsole() if JSON_WORD in words else SafeConsole()
    try:
        topics = find_help_topics(words)
        if topics is not None:
            print_help(console, command, topics)
            return OK if words else BAD_INPUT
        if isinstance(action, str):
            check_words(words, command)
            action = import_action(action, loading_message)
        signals.restore_default()
        return action(command.parse(words, command.vocabulary), console)
    except InputError as problems:
        print_problems(problems, console)
        return BAD_INPUT
    except KeyboardInterrupt:
        if command.interrupt_message:
            console.print(command.interrupt_message)
        return signals.INTERRUPT_STATUS


def print_problems(error: InputError, console: Console) -> None:
    """Print what is wrong with a command: to stderr, or as an event if the output is JSON."""
    if isinstance(console, JsonConsole):
        console.print_event("error", {"problems": list(error.problems)})
    else:
        SafeConsole(stderr=True).print(str(error), soft_wrap=True)


def find_help_topics(words: Sequence[str]) -> Sequence[str] | None:
    """Return the words after --help; `None`: no help is asked for.

    >>> find_help_topics(["trials=4", "--help", "trades"]), find_help_topics(["trials=4"])
    (['trades'], None)
    """
    if not words:
        return []
    first = next((i for i, word in enumerate(words) if word in HELP_WORDS), None)
    return None if first is None else words[first + 1 :]


def import_action(name: str, loading_message: str) -> Action:
    """Import MODULE:NAME; Ctrl-C ends the process silently meanwhile."""
    signals.exit_on_interrupt()
    if loading_message and sys.stderr.isatty():
        print(loading_message, file=sys.stderr)
    module, _, function = name.partition(":")
    action: Action = getattr(importlib.import_module(module), function)
    return action


def check_words(words: Sequence[str], command: Command) -> None:
    """Refuse mistyped keys, members and knobs before PyTorch and Ray are imported.

    Raises:
        InputError: If there are any; invalid values of keys are reported too.
    """
    # a domain needs Ray, and stays a text here
    line = command.parse(words, replace(command.vocabulary, parse=parse_value))
    problems = [
        *line.problems,
        *check_members(line.arguments, command.vocabulary),
        *check_packages(line.arguments, command.packages),
    ]
    if problems:
        for schema in command.schemas:
            problems += read_settings(schema, line.arguments)[1]
        raise InputError(list(dict.fromkeys(problems)))


def check_members(arguments: Mapping[str, object], vocabulary: Vocabulary) -> Iterator[str]:
    """Yield the members and knobs of the arguments that do not exist.

    A knob is checked against the member that the arguments choose, else against all members.
    """
    for name, group in vocabulary.groups.items():
        values = group_values(arguments, name)
        member = values.get("name")
        if not values or (member is not None and not is_name(member)):
            continue
        if member is not None and member not in group.members():
            yield from unknown_member(name, group, str(member))
            continue
        known = group.member_knobs(str(member)) if member or not group.package else None
        for knob in values.keys() - {"name"}:
            if known is not None and knob not in known:
                yield unknown_knob_message(name, group, member and str(member), knob, known)
            elif known is None and knob not in (every := group.all_knobs()):
                hint = did_you_mean(knob, every)
                yield f"{name}.{knob}: no {name} has this knob.{hint} See --help {name}."


def check_packages(arguments: Mapping[str, object], packages: Mapping[str, str]) -> Iterator[str]:
    """Yield the spaces, recipes and so on of the arguments that do not exist.

    Args:
        arguments: The parsed arguments.
        packages: Package by key.
    """
    for key in packages.keys() & arguments.keys():
        name = arguments[key]
        if is_name(name) and (problem := missing_member(packages[key], str(name))):
            yield f"{key}: {problem}"


def is_name(member: object) -> bool:
    """Return whether a value is the name of a member: no path, number, list or domain."""
    return isinstance(member, str) and member.isidentifier()


def unknown_member(name: str, group: Group, member: str) -> Iterator[str]:
    """Yield that a group has no such member, with its members."""
    if not group.package:
        yield (
            f"{name}: this group has no members to choose from, got {name}={member}; "
            f"set its knobs, {name}.KNOB=VALUE."
        )
        return
    try:
        group.load(member)
    except LookupError as error:
        yield f"{name}: {error}{suggest_group(member)}"
