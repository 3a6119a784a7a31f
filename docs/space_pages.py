"""The reference pages of spaces and recipes."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from docs.render import coded, escaped, prose, table
from docs.sections import assignments, first_lines, member_names
from trainables.hparams import registry
from tuner.config.spaces import Space, parse_space_module
from tuner.config.study_groups import RECIPES_PACKAGE, SPACES_PACKAGE


def spaces() -> str:
    """Return the page of search spaces."""
    every = space_modules()
    tables = {k: module for k, module in every.items() if hasattr(module, "published")}
    searches = {k: module for k, module in every.items() if k not in tables}
    return f"""# Spaces

`space=NAME` chooses which knobs are searched and in which ranges. A knob typed on the command line
is added to the space, or replaces its range: `'optimizer.weight_decay=loguniform(1e-6,1e-1)'`.
[Spaces](../spaces.md) describes how to use them, [Extend](../extend.md#add-a-search-space) how to
write one.

## Searches

{table(("space", "what is searched"), first_lines("space", searches))}

{space_sections(searches)}

## Tables of papers

The rows of the table are the configurations of the study. `analysis.tables` prints your results
beside the published numbers: see [Reproduce a paper](../reproduce.md).

{table(("space", "what is reproduced"), first_lines("space", tables))}

{space_sections(tables)}
"""


def recipes() -> str:
    """Return the page of recipes."""
    modules = {
        name: registry.load_member(RECIPES_PACKAGE, name) for name in member_names(RECIPES_PACKAGE)
    }
    rows = [
        (*row, str(module.EPOCHS))
        for row, module in zip(first_lines("recipe", modules), modules.values(), strict=True)
    ]
    sections = "\n\n".join(recipe_section(name, module) for name, module in modules.items())
    return f"""# Recipes

`recipe=NAME` sets the knobs that are not searched: one complete configuration of a paper or of a
data set. Knobs that a recipe does not set have their default. Each data set has a recipe, so that
`data=cifar10` needs none; a [space](spaces.md) may name one as well.

{table(("recipe", "description", "epochs"), rows)}

## Knobs of each recipe

{sections}
"""


def recipe_section(name: str, module: ModuleType) -> str:
    """Return the section of a recipe: where it is from, and what it sets."""
    settings = [f"epochs={module.EPOCHS}", *assignments(parse_space_module("recipe", module).layer)]
    return f"### `recipe={name}`\n\n{prose(module)}\n\n{coded(settings)}"


def space_modules() -> dict[str, ModuleType]:
    """Return the search spaces by name, those of the folder with papers' tables included."""
    folders = [each for each in (SPACES_PACKAGE, f"{SPACES_PACKAGE}.tables") if find_spec(each)]
    found = {
        name: import_module(f"{folder}.{name}")
        for folder in folders
        for name in member_names(folder)
    }
    return dict(sorted(found.items()))


def space_sections(modules: Mapping[str, ModuleType]) -> str:
    """Return the sections of search spaces."""
    spaces = {name: parse_space_module("space", module) for name, module in modules.items()}
    return "\n\n".join(
        f"### `space={name}`\n\n{prose(modules[name])}\n\n{space_items(space)}"
        for name, space in spaces.items()
    )


def space_items(space: Space) -> str:
    """Return what a space searches and sets, by variants unless it is the table of a paper."""
    lines = [f"- `{each}`" for each in assignments(space.layer)]
    if space.published:
        lines.append(f"- {len(space.variants)} variants, one per row of the table")
    else:
        for label, layer in space.variants.items():
            lines.append(f"- variant {escaped(label)}: {coded(assignments(layer))}")
    defaults = {"recipe": space.recipe, "scheduler": space.scheduler, "epochs": space.epochs}
    lines += [f"- default `{key}={value}`" for key, value in defaults.items() if value]
    return "\n".join(lines)
