"""Keys of a command, declared as fields of a frozen dataclass."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import TypeVar

from trainables.hparams.group import Group
from trainables.hparams.knobs import check_value, read_knobs
from tuner.cli.parse import CommandLine, Vocabulary
from tuner.cli.values import parse_value

Schema = TypeVar("Schema")


def read_settings(
    schema: Callable[..., Schema], arguments: Mapping[str, object]
) -> tuple[Schema, list[str]]:
    """Return the keys as `schema`, and the problems of the invalid ones.

    A missing or invalid key has its default. Each value is validated once, an invalid one a second
    time for its message.

    Args:
        schema: A frozen dataclass whose fields are the keys.
        arguments: Values by key; keys that are not fields of `schema` are ignored.
    """
    valid: dict[str, object] = {}
    problems: list[str] = []
    for key, knob in read_knobs(schema).items():
        if key not in arguments:
            continue
        try:
            valid[key] = knob.validate(arguments[key])
        except ValueError:
            problems += check_value(key, knob, arguments[key])
    return schema(**valid), problems


def build_vocabulary(
    schema: type,
    groups: Mapping[str, Group] | None = None,
    parse: Callable[[object], object] = parse_value,
) -> Vocabulary:
    """Return the vocabulary of a command whose keys are the fields of `schema`.

    Args:
        schema: A frozen dataclass.
        groups: Groups by name, whose members and knobs the command accepts.
        parse: Converts a typed value.
    """
    knobs = read_knobs(schema).items()
    return Vocabulary(
        keys=tuple(field.name for field in fields(schema)),
        paths=frozenset(name for name, knob in knobs if knob.is_path),
        optional=frozenset(name for name, knob in knobs if knob.allows_none),
        groups=groups or {},
        parse=parse,
    )


def settings_of(line: CommandLine, schema: type[Schema]) -> tuple[Schema, list[str]]:
    """Return the keys of a command as `schema`, and all problems of its command line.

    A missing or invalid key has its default.

    Args:
        line: Parsed command line.
        schema: A frozen dataclass whose fields are the keys.
    """
    settings, problems = read_settings(schema, line.arguments)
    return settings, [*line.problems, *problems]
