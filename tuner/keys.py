"""The keys of a command: fields of a frozen dataclass, typed as `key=value`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar, cast

from trainables.knobs import knobs
from trainables.misfit import misfit
from tuner.words import Vocabulary, read, separated

Schema = TypeVar("Schema")


def misfits(schema: type, arguments: Mapping[str, object]) -> Iterator[str]:
    """Yield what is wrong with the keys of a command, whose fields `schema` has."""
    for key, knob in knobs(schema).items():
        if key in arguments:
            yield from misfit(key, knob, arguments[key])


def settled(schema: type[Schema], arguments: Mapping[str, object]) -> Schema:
    """Return the keys that there is nothing wrong with in their own types, defaults for others."""
    known = knobs(cast("Callable[..., Schema]", schema))
    return schema(**{
        key: knob.validate(arguments[key])
        for key, knob in known.items()
        if key in arguments and not list(misfit(key, knob, arguments[key]))
    })


def vocabulary(schema: type, **more: Any) -> Vocabulary:  # noqa: ANN401
    """Return what a command understands whose keys are the fields of `schema`.

    Args:
        schema: A frozen dataclass.
        more: What else it understands, as `Vocabulary` has it.
    """
    paths = frozenset(name for name, knob in knobs(schema).items() if knob.is_path)
    return Vocabulary(keys=tuple(each.name for each in fields(schema)), paths=paths, **more)


def understood(
    words: Sequence[str], schema: type[Schema], known: Vocabulary
) -> tuple[list[str], Schema, list[str]]:
    """Return the folders that a command names, its keys, and what is wrong with them.

    Args:
        words: The command line without the program.
        schema: Whose fields the keys are.
        known: What the command understands.
    """
    folders, others = separated(words)
    arguments, problems = read(others, known)
    return folders, settled(schema, arguments), [*problems, *misfits(schema, arguments)]
