"""Completion of command lines in bash, zsh and fish.

A script that `attuner completion SHELL` prints calls `attuner complete-words` with the words so
far. Libraries for completion (argcomplete, shtab, click) complete options such as --trials, not
key=value words whose keys follow from other words.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from trainables.hparams.knobs import Knob
from tuner.cli.command import OK, Command
from tuner.cli.run import HELP_WORDS
from tuner.cli.topics import ALL, list_names, list_topics, members_of

SHELLS = ("bash", "zsh", "fish")
SCRIPTS = Path(__file__).with_name("completion_scripts")


def print_script(shell: str) -> None:
    """Print the completion script of a shell."""
    print((SCRIPTS / f"attuner.{shell}").read_text(encoding="utf-8"), end="")


def complete(words: Sequence[str], commands: Sequence[str], load: Callable[[str], Command]) -> int:
    """Print the words that can stand in place of the last one; return the exit status.

    Args:
        words: Words after the program; the last is incomplete.
        commands: First words of the program.
        load: Returns a command by its name.
    """
    *before, word = words or [""]
    if not before:
        found: Iterator[str] = iter(commands)
    elif before[0] in commands:
        found = list_candidates(load(before[0]), before[1:], word)
    else:
        found = iter(SHELLS if before == ["completion"] else ())
    for candidate in sorted({each for each in found if each.startswith(word)}):
        print(candidate)
    return OK


def list_candidates(command: Command, before: Sequence[str], word: str) -> Iterator[str]:
    """Yield words of a command that may start with `word`."""
    if HELP_WORDS & set(before):
        yield from (*list_topics(command), ALL, *list_names(command))
        return
    key, equals, value = word.partition("=")
    if equals:
        start, comma, last = value.rpartition(",")
        yield from (f"{key}={start}{comma}{each}" for each in list_values(command, key, last))
    elif "." in key and (name := key.partition(".")[0]) in command.vocabulary.groups:
        yield from (f"{name}.{knob}=" for knob in list_knobs(command, name, before))
    else:
        yield "--help"
        yield from (f"{each}=" for each in command.vocabulary.keys)
        for name, group in command.vocabulary.groups.items():
            yield f"{name}=" if group.package else f"{name}."
            if group.package and key == name:
                yield f"{name}."
        yield from list_paths(word)


def list_knobs(command: Command, name: str, before: Sequence[str]) -> Sequence[str]:
    """Return the knobs of a group: of the member that the words before choose, or of all."""
    group = command.vocabulary.groups[name]
    chosen = [each.partition("=")[2] for each in before if each.startswith(f"{name}=")]
    if chosen and chosen[-1] in group.members():
        return [*group.member_knobs(chosen[-1])]
    return [*group.all_knobs()]


def list_values(command: Command, key: str, value: str) -> Iterator[str]:
    """Yield values of a key or knob, as far as they can be listed, or paths."""
    name, _, knob = key.partition(".")
    group = command.vocabulary.groups.get(name)
    knobs = command.knobs()
    if key in command.packages:
        yield from members_of(command.packages[key]).members()
    elif key in knobs:
        yield from list_choices(knobs[key], value)
    elif group is not None and knob:
        for each in group.all_knobs().get(knob, ()):
            yield from list_choices(each, value)
        return
    elif group is not None:
        yield from group.members()
    if os.sep in value or value.startswith((".", "~")):
        yield from list_paths(value)


def list_choices(knob: Knob, value: str) -> Iterator[str]:
    """Yield the words that a knob may be, or paths if it is one."""
    if knob.is_path:
        yield from list_paths(value)
    for part in knob.allowed_values.removeprefix("list of ").split(" or "):
        if "|" in part or part == "none":
            yield from part.split("|")


def list_paths(start: str) -> Iterator[str]:
    """Yield the paths that start with `start`; those of folders end in a slash."""
    folder, slash, name = start.rpartition(os.sep)
    try:
        entries = list(os.scandir(os.path.expanduser(folder) or (os.sep if slash else ".")))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith(name) and not (entry.name.startswith(".") and not name):
            yield f"{folder}{slash}{entry.name}{os.sep if entry.is_dir() else ''}"
