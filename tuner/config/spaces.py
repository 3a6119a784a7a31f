"""Load spaces and recipes, the files of `search_spaces/`."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TypeGuard

from trainables.errors import InputError
from trainables.hparams import registry
from trainables.hparams.knobs import check_value, read_knobs
from tuner.config.domain_parser import check_domain
from tuner.config.domains import is_domain
from tuner.config.settings import Settings
from tuner.config.study_groups import RECIPES_PACKAGE, SPACES_PACKAGE

ConfigLayer = Mapping[str, Mapping[str, object]]
"""Values and domains of knobs by group."""


@dataclass(frozen=True, kw_only=True)
class Space:
    """A space or a recipe.

    Attributes:
        layer: Values and domains of knobs by group.
        variants: Alternatives by label, each merged over `layer`.
        published: Published results by label of the variant.
        scheduler: Default scheduler; `None`: asha.
        epochs: Default epochs of a trial; always set by a recipe.
        recipe: Default recipe; `None`: that of the data set.
    """

    layer: ConfigLayer = field(default_factory=dict)
    variants: Mapping[str, ConfigLayer] = field(default_factory=dict)
    published: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scheduler: str | None = None
    epochs: int | None = None
    recipe: str | None = None


def load_space(package: str, name: object, problems: list[str]) -> Space | None:
    """Load a space or recipe; on failure append to `problems` and return `None`."""
    kind = {SPACES_PACKAGE: "space", RECIPES_PACKAGE: "recipe"}[package]
    if not isinstance(name, str):
        problems.append(f"{kind}: must be a name or a path, got {name!r}.")
        return None
    try:
        return parse_space_module(kind, registry.load_member(package, name))
    except LookupError as error:
        problems.append(f"{kind}: {error}")
    except InputError as error:
        problems += [f"{kind}: {name} {problem}" for problem in error.problems]
    return None


def parse_space_module(kind: str, module: ModuleType) -> Space:
    """Return the space or recipe that a module defines.

    Raises:
        InputError: If the module is invalid.
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
    for name, variant in variants.items():
        problems += check_layer(variant, f"variants() under {name!r}")
    if kind == "recipe" and epochs is None:
        problems.append("must define a number EPOCHS.")
    problems += check_value("EPOCHS", length, epochs)
    if problems:
        raise InputError(problems)
    assert is_layer(layer)
    assert is_nested_dict(published)
    return Space(
        layer=layer,
        variants={label: each for label, each in variants.items() if is_layer(each)},
        published={k: {key: str(v) for key, v in row.items()} for k, row in published.items()},
        scheduler=getattr(module, "SCHEDULER", None),
        epochs=length.validate(epochs),  # type: ignore[arg-type]
        recipe=getattr(module, "RECIPE", None),
    )


def call_module_function(module: ModuleType, name: str) -> dict[str, object]:
    """Call the function `name` of a module; return {} if it is not defined.

    Raises:
        InputError: If it fails or does not return a dictionary.
    """
    try:
        result: object = getattr(module, name, dict)()
    except (Exception, SystemExit) as error:  # a user-supplied file can raise anything
        raise InputError([f"fails in {name}(): {type(error).__name__}: {error}."]) from None
    if not isinstance(result, dict) or is_domain(result):
        raise InputError([f"must return a dictionary from {name}(), got {result!r}."])
    return result


def check_layer(layer: object, where: str) -> Iterator[str]:
    """Yield the problems of groups of knobs at a location in a user-supplied file."""
    if not is_layer(layer):
        yield f"must have groups of knobs in {where}, {{group: {{knob: value}}}}, got {layer!r}."
        return
    for group, settings in layer.items():
        for knob, domain in settings.items():
            for flaw in check_domain(domain) if is_domain(domain) else ():
                yield f"has {group}.{knob} in {where}: {flaw}"


def is_layer(layer: object) -> TypeGuard[ConfigLayer]:
    """Return whether `layer` maps groups to knobs."""
    return is_nested_dict(layer) and not any(map(is_domain, layer.values()))


def is_nested_dict(table: object) -> TypeGuard[dict[str, dict[str, object]]]:
    """Return whether `table` is a dictionary of dictionaries with text keys."""
    rows = [table, *table.values()] if isinstance(table, dict) else [table]
    return all(isinstance(row, dict) and all(isinstance(key, str) for key in row) for row in rows)


def check_variant_labels(variants: Iterable[object]) -> Iterator[str]:
    """Yield the problems of variant labels."""
    for name in variants:
        if not isinstance(name, str) or not name:
            yield f"must have words for labels in variants(), got {name!r}."


def check_published_numbers(published: object) -> Iterator[str]:
    """Yield the problems of published numbers."""
    entries = (
        [v for row in published.values() for v in row.values()]
        if is_nested_dict(published)
        else [{}]
    )
    if not all(isinstance(entry, str | int | float) for entry in entries):
        yield f"must have {{label: {{name: number}}}} in published(), got {published!r}."
