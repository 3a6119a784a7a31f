"""From `key=value` words to nested values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from trainables.groups import GROUPS, Group
from trainables.problems import did_you_mean
from tuner.domains import is_grid
from tuner.settings import Settings
from tuner.study_groups import STUDY_GROUPS
from tuner.typed import parse


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What a command understands.

    Attributes:
        keys: Words that take a value.
        groups: Words that take a name, and knobs after a dot.
    """

    keys: tuple[str, ...]
    groups: Mapping[str, Group]


SEARCH = Vocabulary(
    keys=("space", "recipe", *(field.name for field in fields(Settings))),
    groups={**GROUPS, **STUDY_GROUPS},
)


def read(words: Sequence[str], vocabulary: Vocabulary = SEARCH) -> tuple[dict[str, Any], list[str]]:
    """Return the arguments as nested dictionaries, and what is wrong with them.

    A group chosen by name, `method=trades`, becomes `{"method": {"name": "trades"}}`.

    Args:
        words: The command line without the program.
        vocabulary: What may be said.
    """
    arguments: dict[str, Any] = {}
    problems: list[str] = []
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key.strip("."):
            problems.append(f"{word}: expected key=value; write --help for the keys.")
        elif not text.strip():
            problems.append(f"{key}: expected a value after the equals sign, got none.")
        elif complaint := misplaced(key, vocabulary):
            problems.append(complaint)
        else:
            try:
                merge(arguments, value_of(key, word, vocabulary))
            except ValueError as error:
                problems.append(f"{key}: {error}")
    return arguments, problems


def misplaced(key: str, vocabulary: Vocabulary) -> str | None:
    """Return what is wrong with a key, if anything."""
    group, _, knob = key.partition(".")
    if group in vocabulary.groups:
        return None if knob.count(".") == 0 else f"{key}: knobs have no parts of their own."
    known = [*vocabulary.keys, *vocabulary.groups]
    if group in known:
        return f"{key}: {group} has no knobs; write {group}=VALUE." if knob else None
    found = vocabulary.groups.items()
    if owners := [name for name, group in found if key in group.all_knobs()]:
        return f"{key}: no such key. Did you mean {owners[0]}.{key}?"
    return f"{key}: no such key.{did_you_mean(group, known)} There are: {', '.join(known)}."


def value_of(key: str, word: str, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return one argument as a nested dictionary, its value parsed.

    Raises:
        ValueError: If the value cannot be read.
    """
    dotted = f"{key}.name{word[len(key) :]}" if key in vocabulary.groups else word
    try:
        nested: Any = OmegaConf.to_container(OmegaConf.from_dotlist([dotted]), resolve=False)
    except (OmegaConfBaseException, YAMLError) as error:
        raise ValueError(f"cannot read {word!r} ({str(error).splitlines()[0]}).") from None
    return parsed(nested)


def parsed(nested: dict[str, Any]) -> dict[str, Any]:
    """Return nested values with every leaf parsed."""
    return {k: parsed(v) if isinstance(v, dict) else parse(v) for k, v in nested.items()}


def merge(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Put the values of `other` over those of `into`, level by level."""
    for key, value in other.items():
        if isinstance(value, dict) and not is_grid(value):
            merge(into.setdefault(key, {}), value)
        else:
            into[key] = value
