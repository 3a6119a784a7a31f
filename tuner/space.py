"""What a file of `search_spaces/` says: what varies, or what is fixed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from trainables import catalogue
from trainables.problems import InputError
from tuner.domains import is_domain

SPACES, RECIPES = "search_spaces", "search_spaces.recipes"
Layer = Mapping[str, Mapping[str, Any]]
"""Group to knobs: values, and domains where they are searched."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """What a file of `search_spaces/`, or of its `recipes/`, says.

    Attributes:
        layer: Group to knobs: values and domains.
        variants: Alternatives by label, each laid over `layer`; a conditional space has several.
        published: What a paper measured for a variant.
        scheduler: What stops trials early unless the command line says otherwise.
        epochs: Of a whole trial; a recipe always says.
        recipe: The recipe that it is meant for, if any.
    """

    layer: Layer = field(default_factory=dict)
    variants: Mapping[str, Layer] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scheduler: str | None = None
    epochs: int | None = None
    recipe: str | None = None


def load(folder: str, name: object, problems: list[str]) -> Space | None:
    """Return what a space or recipe says, or none and a problem if it says nothing usable."""
    kind = {SPACES: "space", RECIPES: "recipe"}[folder]
    if not isinstance(name, str):
        problems.append(f"{kind}: must be a name or a path, got {name!r}.")
        return None
    try:
        return understood(kind, catalogue.load(folder, name))
    except LookupError as error:
        problems.append(f"{kind}: {error}")
    except InputError as error:
        problems += [f"{kind}: {name} {each}" for each in error.each]
    return None


def understood(kind: str, module: ModuleType) -> Space:
    """Return what a module says.

    Raises:
        InputError: If it is no space or recipe.
    """
    if not callable(getattr(module, kind, None)):
        raise InputError([f"must define a function {kind}()."])
    if kind == "recipe" and not isinstance(getattr(module, "EPOCHS", None), int):
        raise InputError(["must define a number EPOCHS."])
    layer, variants, published = (said(module, name) for name in (kind, "variants", "published"))
    if not is_layer(layer) or not all(map(is_layer, variants.values())):
        raise InputError([
            f"must return groups of knobs from {kind}(), {{group: {{knob: value}}}}, "
            "and labelled groups of knobs from variants(), if it has that."
        ])
    return Space(
        layer=layer,
        variants=variants,
        published=published,
        scheduler=getattr(module, "SCHEDULER", None),
        epochs=getattr(module, "EPOCHS", None),
        recipe=getattr(module, "RECIPE", None),
    )


def said(module: ModuleType, name: str) -> dict[str, Any]:
    """Return what the function `name` of a module returns; nothing if it has none.

    Raises:
        InputError: If it fails or returns no dictionary.
    """
    try:
        result: object = getattr(module, name, dict)()
    except Exception as error:  # a user's file can fail in any way, and that is theirs to mend
        raise InputError([f"fails in {name}(): {type(error).__name__}: {error}."]) from None
    if not isinstance(result, dict) or is_domain(result):
        raise InputError([f"must return groups of knobs from {name}(), got {result!r}."])
    return result


def is_layer(layer: object) -> bool:
    """Return whether `layer` is groups of knobs."""
    return isinstance(layer, dict) and all(
        isinstance(values, dict) and not is_domain(values) for values in layer.values()
    )
