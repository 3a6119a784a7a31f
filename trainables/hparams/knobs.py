"""Knobs (hyper-parameters), read from function signatures.

A knob is a keyword-only parameter whose annotated type has a range. Keyword-only parameters of any
other type (`threat`, `rng`, `criterion`, ...) are injected by the training loop.
"""

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError

from trainables.errors import format_validation_error
from trainables.hparams.ranges import Location, PathText

REQUIRED = inspect.Parameter.empty


@dataclass(frozen=True)
class Knob:
    """One hyperparameter of a component.

    Attributes:
        name: Name of the parameter.
        annotation: Annotated type.
        default: Default value, or `REQUIRED`.
        description: Text in the Args section of the docstring.
    """

    name: str
    annotation: object
    default: object
    description: str

    def validate(self, value: object) -> object:
        """Return `value` converted to the type of the knob.

        Raises:
            ValueError: If `value` has another type or is out of range; the message has the range.
        """
        try:
            # strict, because Python takes True for the number 1
            return type_adapter(self.annotation).validate_python(
                value, strict=isinstance(value, bool)
            )
        except ValidationError as error:
            parts = error.errors()[0]["loc"]
            index = "".join(f"[{part}]" for part in parts if isinstance(part, int))
            reason = format_validation_error(error)
            raise ValueError(f"{index}{' ' * bool(index)}{reason}, got {value!r}") from None

    @property
    def allowed_values(self) -> str:
        """The allowed values, in words."""
        return describe_type(self.annotation)

    @property
    def allows_none(self) -> bool:
        """Whether `None` is a valid value."""
        try:
            type_adapter(self.annotation).validate_python(None)
        except ValidationError:
            return False
        return True

    @property
    def is_path(self) -> bool:
        """Whether the value is a path."""
        return contains_path(self.annotation)


def contains_path(hint: object) -> bool:
    """Return whether a type is a path or contains paths."""
    return hint in (PathText, Location) or any(map(contains_path, get_args(hint)))


@cache
def type_adapter(hint: Any) -> TypeAdapter[object]:  # noqa: ANN401  # any annotation
    """Return pydantic's validator of a type, built once."""
    return TypeAdapter(hint)


@cache
def read_knobs(function: Callable[..., object]) -> dict[str, Knob]:
    """Return the knobs of `function` by name, in the order of its signature."""
    hints = get_type_hints(function, include_extras=True)
    descriptions = parse_argument_docs(function)
    return {
        name: Knob(name, hints[name], parameter.default, descriptions.get(name, ""))
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY and is_knob(hints.get(name))
    }


def is_knob(hint: object) -> bool:
    """Return whether a parameter of type `hint` is a knob."""
    if get_origin(hint) in (Union, UnionType):
        return all(part is NoneType or is_knob(part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        return all(part is Ellipsis or is_knob(part) for part in get_args(hint))
    return hint is bool or get_origin(hint) in (Annotated, Any, Literal)


def parse_argument_docs(function: Callable[..., object]) -> dict[str, str]:
    """Return the entries under Args or Attributes of a Google-style docstring by name."""
    _, _, section = re.sub("Attributes:\n", "Args:\n", inspect.getdoc(function) or "").partition(
        "Args:\n"
    )
    section = re.split(r"\n(?=\S)", section, maxsplit=1)[0]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, flags=re.MULTILINE)
    return {name: re.sub(r"\s+", " ", text) for name, text in entries}


def describe_type(hint: object) -> str:
    """Return the values that a knob of type `hint` may take, in words.

    >>> from trainables.hparams.ranges import Fraction
    >>> describe_type(Fraction), describe_type(Literal["train", "eval"])
    ('float >= 0 <= 1', 'train|eval')
    """
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Literal:
        return "|".join(str(p).lower() if isinstance(p, bool) else str(p) for p in parts)
    if origin in (Union, UnionType):
        return " or ".join("none" if part is NoneType else describe_type(part) for part in parts)
    if origin is tuple:
        return f"list of {describe_type(parts[0])}"
    if origin is not Annotated:
        return "true|false" if hint is bool else str(getattr(hint, "__name__", hint))
    if get_origin(parts[0]) is tuple:
        return describe_type(parts[0])
    for field in parts[1:]:
        if text := getattr(field, "description", None):
            return str(text)
    bounds = [bound for field in parts[1:] for bound in getattr(field, "metadata", [])]
    limits = [
        f"{sign} {getattr(bound, key):.10g}"
        for bound in bounds
        for key, sign in (("gt", ">"), ("ge", ">="), ("lt", "<"), ("le", "<="))
        if hasattr(bound, key)
    ]
    return " ".join([parts[0].__name__, *limits])


def check_value(path: str, knob: Knob, value: object) -> Iterator[str]:
    """Yield a problem if `value` is invalid for the knob at `path`."""
    try:
        knob.validate(value)
    except ValueError as error:
        hint = suggest_pixel_scale(path, knob, value) + suggest_share_of_run(knob, value)
        hint += suggest_grid(path, knob, value)
        yield f"{path}: {error}.{hint}"


def suggest_pixel_scale(path: str, knob: Knob, value: object) -> str:
    """Return a suggestion if a length was given in grey levels (0 to 255) rather than in [0, 1]."""
    limited = knob.allowed_values.endswith("<= 1") and knob.name in ("eps", "step_size")
    if limited and isinstance(value, int | float) and 1 < value <= 255:
        return f" Pixels are in [0, 1]: did you mean {path}={value:g}/255?"
    return ""


def suggest_grid(path: str, knob: Knob, value: object) -> str:
    """Return a suggestion if valid values were typed with commas between, as Hydra reads them."""
    values = value.split(",") if isinstance(value, str) else []
    if len(values) < 2:  # a list has two items
        return ""
    try:
        for each in values:
            knob.validate(each.strip())
    except ValueError:
        return ""
    return f" To search several values, write {path}=grid({value})."


def suggest_share_of_run(knob: Knob, value: object) -> str:
    """Return a suggestion if a share of the run was given as a number of epochs."""
    shares = value if isinstance(value, list | tuple) else [value]
    has_epochs = any(isinstance(share, int | float) and share > 1 for share in shares)
    if has_epochs and re.search(r"[Ss]hares? of the run", knob.description):
        return " It is a share of the run: write 100/110 for epoch 100 of 110."
    return ""
