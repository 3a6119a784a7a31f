"""The keys of a command: fields of a frozen dataclass, typed as `key=value`."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar, cast

from trainables.knobs import knobs
from trainables.misfit import misfit

Schema = TypeVar("Schema")


def misfits(schema: type, arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the keys of a command, whose fields `schema` has."""
    for key, knob in knobs(schema).items():
        if key in arguments:
            yield from misfit(key, knob, arguments[key])


def settled(schema: type[Schema], arguments: Mapping[str, Any]) -> Schema:
    """Return the keys that there is nothing wrong with in their own types, defaults for others."""
    known = knobs(cast("Callable[..., Schema]", schema))
    return schema(**{
        key: knob.validate(arguments[key])
        for key, knob in known.items()
        if key in arguments and not list(misfit(key, knob, arguments[key]))
    })
