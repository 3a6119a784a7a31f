"""What a file of `search_spaces/` says: what varies, or what is fixed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeGuard

from trainables.errors import InputError
from trainables.hparams import registry
from trainables.hparams.knobs import read_knobs
from trainables.hparams.value_errors import check_value
from tuner.config.domains import check_domain, is_domain
from tuner.config.settings import Settings

SPACES_PACKAGE, RECIPES_PACKAGE = "search_spaces", "search_spaces.recipes"
ConfigLayer = Mapping[str, Mapping[str, object]]
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

    layer: ConfigLayer = field(default_factory=dict)
    variants: Mapping[str, ConfigLayer] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scheduler: str | None = None
    epochs: int | None = None
    recipe: str | None = None


def load_space(folder: str, name: object, problems: list[str]) -> Space | None:
    """Return what a space or recipe says, or none and a problem if it says nothing usable."""
    kind = {SPACES_PACKAGE: "space", RECIPES_PACKAGE: "recipe"}[folder]
    if not isinstance(name, str):
        problems.append(f"{kind}: must be a name or a path, got {name!r}.")
        return None
    try:
        return parse_space_module(kind, registry.load_member(folder, name))
    except LookupError as error:
        problems.append(f"{kind}: {error}")
    except InputError as error:
        problems += [f"{kind}: {name} {each}" for each in error.problems]
    return None


def parse_space_module(kind: str, module: ModuleType) -> Space:
    """Return what a module says.

    Raises:
        InputError: If it is no space or recipe.
    """
    if not callable(getattr(module, kind, None)):
        raise InputError([f"must define a function {kind}()."])
    layer, variants, published = (
        call_module_function(module, name) for name in (kind, "variants", "published")
    )
    length, epochs = read_knobs(Settings)["epochs"], getattr(module, "EPOCHS", None)
    problems = [
        *check_layer(layer, f"{kind}()"),
        *check_variant_labels(variants),
        *check_published_numbers(published),
    ]
    for name, each in variants.items():
        problems += check_layer(each, f"variants() under {name!r}")
    if kind == "recipe" and epochs is None:
        problems.append("must define a number EPOCHS.")
    problems += check_value("EPOCHS", length, epochs)
    if problems:
        raise InputError(problems)
    return Space(
        layer=layer,
        variants=variants,
        published={k: {key: str(v) for key, v in row.items()} for k, row in published.items()},
        scheduler=getattr(module, "SCHEDULER", None),
        epochs=length.validate(epochs),  # type: ignore[arg-type]
        recipe=getattr(module, "RECIPE", None),
    )


def call_module_function(module: ModuleType, name: str) -> dict[str, Any]:
    """Return what the function `name` of a module returns; nothing if it has none.

    Raises:
        InputError: If it fails or returns no dictionary.
    """
    try:
        result: object = getattr(module, name, dict)()
    except (Exception, SystemExit) as error:  # a user's file can fail in any way
        raise InputError([f"fails in {name}(): {type(error).__name__}: {error}."]) from None
    if not isinstance(result, dict) or is_domain(result):
        raise InputError([f"must return a dictionary from {name}(), got {result!r}."])
    return result


def check_layer(layer: object, where: str) -> Iterator[str]:
    """Yield what is wrong with groups of knobs that a user's file has somewhere."""
    if not is_layer(layer):
        yield f"must have groups of knobs in {where}, {{group: {{knob: value}}}}, got {layer!r}."
        return
    for group, settings in layer.items():
        for knob, domain in settings.items():
            for flaw in check_domain(domain) if is_domain(domain) else ():
                yield f"has {group}.{knob} in {where}: {flaw}"


def is_layer(layer: object) -> TypeGuard[ConfigLayer]:
    """Return whether `layer` is groups of knobs."""
    return is_nested_dict(layer) and not any(map(is_domain, layer.values()))


def is_nested_dict(table: object) -> TypeGuard[dict[str, dict[str, object]]]:
    """Return whether `table` is rows by name, each with entries by name."""
    rows = [table, *table.values()] if isinstance(table, dict) else [table]
    return all(isinstance(row, dict) and all(isinstance(key, str) for key in row) for row in rows)


def check_variant_labels(variants: Mapping[Any, object]) -> Iterator[str]:
    """Yield what is wrong with the labels of variants."""
    for name in variants:
        if not isinstance(name, str) or not name:
            yield f"must have words for labels in variants(), got {name!r}."


def check_published_numbers(published: object) -> Iterator[str]:
    """Yield what is wrong with published numbers."""
    entries = (
        [v for row in published.values() for v in row.values()]
        if is_nested_dict(published)
        else [{}]
    )
    if not all(isinstance(entry, str | int | float) for entry in entries):
        yield f"must have {{label: {{name: number}}}} in published(), got {published!r}."
