"""Parse `key=value` words into nested dictionaries."""

import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from trainables.errors import did_you_mean, find_synonym
from trainables.io.addresses import is_url
from tuner.cli.values import is_grid, parse_value

if TYPE_CHECKING:
    from trainables.hparams.group import Group


NUMBER_START = re.compile(r"[-+]?\.?\d")
"""The start of a number or a fraction."""
NONE_WORD = re.compile(r"(?<![^\s(,\[])(?:none|None|NONE|Null|NULL)(?![^\s),\]])")
"""`None` as a whole value, or as one of those in a list or a domain."""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """The keys and groups that a command accepts.

    Attributes:
        keys: Keys that take a value, `KEY=VALUE`.
        groups: Groups by name, `GROUP=MEMBER` and `GROUP.KNOB=VALUE`.
        paths: Keys whose value is a path or a name, even if it looks like a number.
        optional: Keys that may be `None`, written none, None or null.
        parse: Converts a typed value.
    """

    keys: tuple[str, ...]
    groups: "Mapping[str, Group]" = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    parse: Callable[[object], object] = parse_value


@dataclass(frozen=True, kw_only=True)
class CommandLine:
    """A parsed command line.

    Attributes:
        words: The words as typed, without the program.
        folders: Results folders or their addresses, in order.
        arguments: All other words as nested dictionaries.
        problems: Messages about invalid words.
        notes: Messages about what was ignored.
        sources: Files that arguments come from, by key as typed.
    """

    words: tuple[str, ...]
    folders: tuple[str, ...] = ()
    arguments: Mapping[str, object]
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)


def parse_command_line(
    words: Sequence[str], vocabulary: Vocabulary, *, takes_folders: bool = True
) -> CommandLine:
    """Parse a command line.

    Args:
        words: Command line without the program.
        vocabulary: Keys and groups of the command.
        takes_folders: Whether words without an equals sign are results folders.
    """
    folders, others = split_folders(words) if takes_folders else ([], words)
    arguments, problems = parse_arguments(others, vocabulary)
    counts = Counter(word.partition("=")[0] for word in others if "=" in word)
    problems += [f"{key}: typed {n} times; write it once." for key, n in counts.items() if n > 1]
    return CommandLine(
        words=tuple(words), folders=tuple(folders), arguments=arguments, problems=tuple(problems)
    )


def split_folders(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split words into results folders and arguments.

    The path of an existing folder, and an address, may contain an equals sign.
    """
    folders = [w for w in words if "=" not in w or is_url(w) or os.path.isdir(w)]
    return folders, [word for word in words if word not in folders]


def parse_arguments(
    words: Sequence[str], vocabulary: Vocabulary
) -> tuple[dict[str, object], list[str]]:
    """Return the arguments as nested dictionaries, and messages about invalid words.

    A group chosen by name, `method=trades`, becomes `{"method": {"name": "trades"}}`.

    Args:
        words: Command line without the program.
        vocabulary: Keys and groups of the command.
    """
    arguments: dict[str, object] = {}
    problems: list[str] = []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key.strip("."):
            problems.append(f"{word}: expected key=value; write --help for the keys.")
        elif not text.strip():
            problems.append(f"{key}: expected a value after the equals sign, got none.")
        elif complaint := check_key(key, vocabulary):
            problems.append(complaint)
        else:
            try:
                merge_nested(arguments, parse_argument(key, word, vocabulary))
            except ValueError as error:
                problems.append(f"{key}: {error}")
    return arguments, problems


def check_key(key: str, vocabulary: Vocabulary) -> str | None:
    """Return the problem of a key; `None`: the key is valid."""
    group, _, knob = key.partition(".")
    if group in vocabulary.groups and knob == "name":
        inner = "network" in vocabulary.groups[group].all_knobs()
        also = f"; of torchvision and timm, {group}.network=NAME chooses one" if inner else ""
        return f"{key}: write {group}=NAME{also}."
    if group in vocabulary.groups:
        return (
            None if knob.count(".") == 0 else f"{key}: expected GROUP.KNOB, got more than one dot."
        )
    accepted = [*vocabulary.keys, *vocabulary.groups]
    if group in accepted:
        return f"{key}: {group} has no knobs; write {group}=VALUE." if knob else None
    for name, members in vocabulary.groups.items():
        if knob_name := find_synonym(key, members.all_knobs(), cutoff=1):
            return f"{key}: no such key. Did you mean {name}.{knob_name}?"
    return f"{key}: no such key.{did_you_mean(group, accepted)} There are: {', '.join(accepted)}."


def parse_argument(key: str, word: str, vocabulary: Vocabulary) -> dict[str, object]:
    """Return one argument as a nested dictionary with its value parsed.

    Raises:
        ValueError: If the value cannot be read.
    """
    path = f"{key}.name" if key in vocabulary.groups else key
    text = word[len(key) + 1 :]
    if allows_none(path, vocabulary):
        text = NONE_WORD.sub("null", text)
    try:
        config = OmegaConf.from_dotlist([f"value={text}"])
        value = OmegaConf.to_container(config, resolve=False)["value"]  # type: ignore[index, call-overload]
    except (OmegaConfBaseException, YAMLError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(
            f"cannot read {word!r} ({reason}); expected a name, a number, or several with commas "
            "between."
        ) from None
    if isinstance(value, dict):
        raise ValueError(f"expected a value, got {text}. A grid is grid(VALUE,VALUE).")
    if isinstance(value, int | float) and not is_same_number(text, value):
        value = text.strip()
    scalar = text.strip() if isinstance(value, int | float | str) else ""
    nested: object = scalar if is_path(scalar, path, vocabulary) else vocabulary.parse(value)
    if key in vocabulary.groups and isinstance(nested, str) and nested.endswith(".py"):
        # trials import the file from other working directories
        nested = os.path.abspath(os.path.expanduser(nested))
    return nest_value(key, nested, vocabulary)


def nest_value(key: str, value: object, vocabulary: Vocabulary) -> dict[str, object]:
    """Return one argument as a nested dictionary; the key of a group stands for its member."""
    first, *inner = (f"{key}.name" if key in vocabulary.groups else key).split(".")
    for part in reversed(inner):
        value = {part: value}
    return {first: value}


def is_same_number(text: str, value: float) -> bool:
    """Return whether a number that YAML read equals the decimal number in its text.

    YAML reads 1:30 as 90 (base 60) and 012 as 10 (base 8), which a user does not mean.

    >>> is_same_number("1e-3", 0.001), is_same_number("1:30", 90), is_same_number("012", 10)
    (True, False, False)
    >>> is_same_number("true", True)
    True
    """
    try:
        return isinstance(value, bool) or float(text) == value
    except ValueError:
        return False


def allows_none(dotted_key: str, vocabulary: Vocabulary) -> bool:
    """Return whether a key or a knob may be `None`."""
    name, _, knob_name = dotted_key.partition(".")
    if name not in vocabulary.groups:
        return name in vocabulary.optional
    return any(knob.allows_none for knob in vocabulary.groups[name].all_knobs().get(knob_name, []))


def is_path(text: str, dotted_key: str, vocabulary: Vocabulary) -> bool:
    """Return whether text that looks like a number is a path or a name: results=2024/11."""
    if not NUMBER_START.match(text):
        return False
    name, _, knob_name = dotted_key.partition(".")
    if name not in vocabulary.groups:
        return name in vocabulary.paths
    return any(knob.is_path for knob in vocabulary.groups[name].all_knobs().get(knob_name, []))


def merge_nested(base: dict[str, Any], upper: Mapping[str, object]) -> None:
    """Overwrite the values of `base` by those of `upper`, level by level, in place."""
    for key, value in upper.items():
        current = base.setdefault(key, {})
        if isinstance(value, dict) and isinstance(current, dict) and not is_grid(value):
            merge_nested(current, value)
        else:
            base[key] = value
