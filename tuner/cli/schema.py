"""The keys of a command: fields of a frozen dataclass, typed as `key=value`."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from trainables.hparams.knobs import read_knobs
from trainables.hparams.value_errors import check_value
from tuner.cli.parse import CommandLine, Vocabulary

Schema = TypeVar("Schema")


def validate_arguments(
    schema: type, arguments: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """Return the valid keys of a command in their own types, and the problems of the others.

    Each value is validated once; a second time only to say what is wrong with it.

    Args:
        schema: A frozen dataclass whose fields are the keys.
        arguments: The arguments by key; those that are no fields of `schema` are left out.
    """
    valid: dict[str, Any] = {}
    problems: list[str] = []
    for key, knob in read_knobs(schema).items():
        if key not in arguments:
            continue
        try:
            valid[key] = knob.validate(arguments[key])
        except ValueError:
            problems += check_value(key, knob, arguments[key])
    return valid, problems


def build_vocabulary(schema: type, **options: Any) -> Vocabulary:  # noqa: ANN401
    """Return what a command understands whose keys are the fields of `schema`.

    Args:
        schema: A frozen dataclass.
        options: What else it understands, as `Vocabulary` has it.
    """
    paths = frozenset(name for name, knob in read_knobs(schema).items() if knob.is_path)
    return Vocabulary(keys=tuple(each.name for each in fields(schema)), paths=paths, **options)


def settings_of(line: CommandLine, schema: type[Schema]) -> tuple[Schema, list[str]]:
    """Return the keys of a command as `schema`, and all problems of its command line.

    A key that is missing or invalid has its default.

    Args:
        line: The parsed command line.
        schema: A frozen dataclass whose fields are the keys.
    """
    valid, problems = validate_arguments(schema, line.arguments)
    return schema(**valid), [*line.problems, *problems]
