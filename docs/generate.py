"""Write the reference pages of `docs/reference/` from the code: `python -m docs.generate`.

Signatures give types, ranges and defaults; docstrings give meanings and papers. The pages are
committed. `--check` writes nothing and fails if a page differs from the code. `--gpu-hours` also
writes the page of GPU-hours, which takes about two minutes; the other pages take seconds.
"""

import argparse
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from analysis.diagnostics._settings import MEASURES, DiagnosisSettings
from analysis.figures.__main__ import FigureSettings
from analysis.report.__main__ import ReportSettings
from analysis.tables.__main__ import TableSettings
from docs.render import coded, escaped, first_line, knob_table, prose, table, typed_value
from trainables.components import GROUPS
from trainables.hparams import registry
from trainables.hparams.group import Group
from trainables.hparams.knobs import parse_argument_docs, read_knobs
from trainables.training.report import Report
from tuner.config.domains import format_domain, is_domain
from tuner.config.plan import STUDY_GROUPS
from tuner.config.settings import TRACKERS_PACKAGE, Settings
from tuner.config.spaces import RECIPES_PACKAGE, SPACES_PACKAGE, Space, parse_space_module
from tuner.evaluation.settings import EvaluationSettings
from tuner.evaluation.suites import ATTACKS, SUITES
from tuner.export import ExportSettings
from tuner.train import STUDY_KEYS, TrainSettings

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
GPU_HOURS = "gpu_hours.md"
"""The page that takes minutes."""
NOTE = "<!-- Generated from the code by `python -m docs.generate`. Do not edit. -->"
FIGURES = "analysis.figures"
ALL_GROUPS = {**GROUPS, **STUDY_GROUPS}
WITH_EXAMPLES = ("extend.md",)
"""Pages of `docs/` that show files of `examples/`."""
EXAMPLE = re.compile(r"(<!-- (examples/\w+\.py) -->\n```python\n).*?(```\n)", flags=re.DOTALL)


def reference() -> dict[Path, str]:
    """Return every generated file, but for the page of GPU-hours, and its text."""
    pages = {REFERENCE / name: page(build()) for name, (_, build) in PAGES.items()}
    pages[REFERENCE / "README.md"] = page(contents())
    for name in WITH_EXAMPLES:
        file = ROOT / "docs" / name
        pages[file] = with_examples(file.read_text(encoding="utf-8"))
    return pages


def page(text: str) -> str:
    """Return a text as a generated file."""
    return f"{NOTE}\n\n{text.strip()}\n"


def contents() -> str:
    """Return the first page of the reference."""
    links = "\n".join(f"- [{title}]({name})" for name, (title, _) in PAGES.items())
    return f"""# Reference

Every key, knob, component and column, generated from the signatures and docstrings of the code by
`python -m docs.generate`. `python -m tuner.search --help` prints the same in a terminal.

{links}
- [GPU-hours of the papers' tables]({GPU_HOURS})

A knob is set by its path (`attack.steps=7`) and searched by a domain in its place
(`'attack.steps=randint(1,11)'`). The knobs that you leave out have the value of the
[recipe](recipes.md), else the default in these tables. A number may be a fraction (`8/255`).
Ranges are written as intervals: `[0, 1)` contains 0 and does not contain 1.
"""


def study() -> str:
    """Return the page of the keys of a study."""
    own = ", ".join(f"`{name}`" for name in STUDY_KEYS)
    return f"""# Keys of a study

The keys of `python -m tuner.search`, beside `space=` ([spaces](spaces.md)), `recipe=`
([recipes](recipes.md)) and the knobs of the components, which the other pages list.

{settings_table(Settings)}

## Keys of `tuner.train`

`python -m tuner.train` takes {own}, `recipe` and the knobs of the components, and:

{settings_table(TrainSettings)}

## Trackers

`tracker=NAME,NAME`, or `tracker=none`.

{summary("tracker", TRACKERS_PACKAGE)}
"""


def schedulers() -> str:
    """Return the page of schedulers and searchers."""
    return f"""# Schedulers and searchers

How to choose among them is described in [Early stopping](../early_stopping.md).

{group("scheduler", "Schedulers")}

{group("searcher", "Searchers")}
"""


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


def methods() -> str:
    """Return the page of methods and criteria."""
    return f"""# Methods and criteria

Hypersphere embedding works with any method:
`model.head=cosine model.s=15 criterion=hypersphere criterion.m=0.2`.

{group("method", "Methods")}

{group("criterion", "Criteria")}
"""


def attacks() -> str:
    """Return the page of training attacks and updates."""
    return f"""# Attacks and updates

These components attack during training. The [validation attack](validation.md) and the
[attacks of an evaluation](evaluation.md#attacks) are separate.

{group("attack", "Attacks")}

{group("update", "Updates")}
"""


def validation() -> str:
    """Return the page of the validation attack and the detector of catastrophic overfitting."""
    return f"""# Validation attack and detector of catastrophic overfitting

The validation attack measures the robust accuracy of every trial after each epoch; neither it nor
the threat is searched. The detector compares FGSM with PGD while single-step training runs and ends
a trial whose training has collapsed.

{group("exam", "Validation attack")}

{group("sentinel", "Detector of catastrophic overfitting")}
"""


def models() -> str:
    """Return the page of networks and weight averages."""
    return f"""# Networks and averages

{group("model", "Networks")}

{group("average", "Averages")}
"""


def data() -> str:
    """Return the page of data sets and threats."""
    return f"""# Data sets and threats

`data=mnist5k` is part of the repository. torchvision downloads `mnist`, `fashion_mnist`, `cifar10`,
`cifar100` and `svhn` to the folder `data.root`, unless `data.download=false`. `data=arrays` reads
an `.npz` file with `x_train` and `x_test` (uint8, NxHxWxC or NxHxW) and `y_train` and `y_test`
(integers from 0). `data=imagenet` reads a folder with `train` and `val`, which have one folder per
class; `data.workers` threads decode the images during training.

Set the threat and its radius on the [0, 1] pixel scale: `threat=linf threat.eps=8/255`.

{group("data", "Data sets")}

{group("threat", "Threats")}
"""


def schedules() -> str:
    """Return the page of optimizers and schedules."""
    return f"""# Optimizers and schedules

Points in time are shares of the run: `schedule.drops=[100/110,105/110]`, `eps_schedule.warmup=3/8`.
`optimizer.lr_batch_size=128` scales the learning rate linearly with the batch size. Periodic
adversarial scheduling is `eps_schedule=cosine periods.resets=[1/2,3/4] average=ensemble`.

{group("optimizer", "Optimizers")}

{group("schedule", "Learning-rate schedules")}

{group("eps_schedule", "Schedules of eps")}

{group("periods", "Restarts of both schedules")}
"""


def evaluation() -> str:
    """Return the page of evaluations and exports."""
    suites = [
        (f"`suite={name}`", " ".join(f"`{each}`" for each in members))
        for name, members in SUITES.items()
    ]
    return f"""# Evaluation and export

## Keys of `tuner.evaluate`

{settings_table(EvaluationSettings)}

## Suites

{table(("suite", "attacks, in their order"), suites)}

## Attacks

`suite=NAME,NAME` chooses attacks by name; `NAME.KNOB=VALUE` sets a knob.

{members(ATTACKS, "suite=", "{}.")}

## Keys of `tuner.export`

{settings_table(ExportSettings)}
"""


def analysis() -> str:
    """Return the page of the keys of `analysis`."""
    return f"""# Report, tables, figures, diagnostics

## Keys of `analysis.report`

{settings_table(ReportSettings)}

## Keys of `analysis.tables`

{settings_table(TableSettings)}

## Keys of `analysis.figures`

{settings_table(FigureSettings)}

## Figures

{summary("figure", FIGURES)}

## Keys of `analysis.diagnose`

{settings_table(DiagnosisSettings)}

## Diagnostics

`measure=NAME,NAME` chooses some of them; `NAME.KNOB=VALUE` sets a knob.

{members(MEASURES, "measure=", "{}.")}
"""


def columns() -> str:
    """Return the page of the columns of `epochs.parquet`."""
    meanings = parse_argument_docs(Report)
    rows = [(f"`{each.name}`", escaped(meanings[each.name])) for each in fields(Report)]
    return f"""# Columns of `epochs.parquet`

One row per trial, level and epoch, with `trial_id` and the columns below. The columns of the other
files are described in [Results](../results.md).

{table(("column", "meaning"), rows)}
"""


def gpu_hours() -> str:
    """Return the page of GPU-hours: what each published table costs, at three published speeds."""
    from benchmarks import gpu_hours as costs  # noqa: PLC0415  # only this page needs it

    speeds = costs.list_speeds()
    lines = "\n".join(speed_line(each.multiplications_per_hour, each.source) for each in speeds)
    rows = [cost_row(each, speeds[0], speeds[-1]) for each in costs.list_table_costs()]
    titles = ("space", "configurations", "epochs", "10^18 multiplications", "GPU-hours")
    return f"""# GPU-hours of the papers' tables

The estimate and its assumptions are described in [Reproduce a paper](../reproduce.md#gpu-hours).
`python -m docs.generate --gpu-hours` computes it again. Speeds of three published trainings:

{lines}

{table(titles, rows)}
"""


def speed_line(multiplications: float, source: str) -> str:
    """Return a published speed, given in multiplications an hour, as an item of a list."""
    rate = multiplications / 3600 / 1e12
    return f"- {rate:.1f} x 10^12 multiplications a second: {escaped(source)}"


def cost_row(cost: Any, slow: Any, quick: Any) -> tuple[str, ...]:  # noqa: ANN401
    """Return the row of a table of `benchmarks.gpu_hours`, with its hours at two speeds."""
    return (
        f"[`{cost.space}`](spaces.md#space{cost.space})",
        str(cost.cells),
        str(cost.epochs),
        f"{cost.multiplications / 1e18:.1f}",
        f"{cost.compute_gpu_hours(quick):.0f} to {cost.compute_gpu_hours(slow):.0f}",
    )


PAGES: dict[str, tuple[str, Callable[[], str]]] = {
    "study.md": ("Keys of a study", study),
    "schedulers.md": ("Schedulers and searchers", schedulers),
    "spaces.md": ("Spaces", spaces),
    "recipes.md": ("Recipes", recipes),
    "methods.md": ("Methods and criteria", methods),
    "attacks.md": ("Attacks and updates", attacks),
    "validation.md": ("Validation attack and detector of catastrophic overfitting", validation),
    "models.md": ("Networks and averages", models),
    "data.md": ("Data sets and threats", data),
    "schedules.md": ("Optimizers and schedules", schedules),
    "evaluation.md": ("Evaluation and export", evaluation),
    "analysis.md": ("Report, tables, figures, diagnostics", analysis),
    "columns.md": ("Columns of epochs.parquet", columns),
}
"""File name to title and text."""


def group(name: str, title: str) -> str:
    """Return the section of a group: its members, their knobs, and the knobs of every member."""
    found = ALL_GROUPS[name]
    if not found.package:
        meaning = found.description[:1].upper() + found.description[1:]
        own = knob_table(found.common_knobs(), f"{name}.")
        return f"## {title}\n\n{meaning}. Knobs: `{name}.KNOB=VALUE`.\n\n{own}"
    chosen = f"`{name}=NAME` chooses {escaped(found.description)}; `{name}.KNOB=VALUE` sets a knob."
    return f"## {title}\n\n{chosen}\n\n{members(found, name + '=', name + '.')}"


def members(found: Group, choice: str, prefix: str) -> str:
    """Return the members of a group: a table of all, and a section for each.

    Args:
        found: The group.
        choice: What is typed before the name of a member, such as "attack=".
        prefix: What is typed before the name of a knob, such as "attack."; "{}" is the member.
    """
    assert found.package is not None
    modules = {name: found.load(name) for name in member_names(found.package)}
    common = found.common_knobs()
    overview = table((choice.rstrip("="), "description"), first_lines(choice.rstrip("="), modules))
    parts = [overview]
    for name, module in modules.items():
        own = {key: knob for key, knob in found.member_knobs(name).items() if key not in common}
        parts.append(f"### `{choice}{name}`\n\n{prose(module)}")
        if companions := assignments(getattr(module, "COMPANIONS", {})):
            parts.append(f"Sets {coded(companions)} unless you set them.")
        if own:
            parts.append(knob_table(own, prefix.format(name)))
    if common:
        parts.append(f"### Knobs of every `{choice}`\n\n{knob_table(common, prefix)}")
    return "\n\n".join(parts)


def member_names(folder: str) -> list[str]:
    """Return the members of a registry that this repository holds; plugins are left out."""
    package = import_module(folder)
    found = [each.name for each in pkgutil.iter_modules(package.__path__) if not each.ispkg]
    return sorted(name for name in found if not name.startswith("_"))


def summary(key: str, folder: str) -> str:
    """Return a table of the members of a registry."""
    modules = {name: registry.load_member(folder, name) for name in member_names(folder)}
    return table((key, "meaning"), [(f"`{k}`", first_line(m)) for k, m in modules.items()])


def first_lines(key: str, modules: Mapping[str, ModuleType]) -> list[tuple[str, str]]:
    """Return rows of links to the sections of members, with the first line of their docstrings."""
    return [
        (f"[`{name}`](#{key.replace('=', '')}{name})", first_line(module))
        for name, module in modules.items()
    ]


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


def assignments(layer: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the settings of a space or recipe, each as it would be typed."""
    return [
        f"{name if knob == 'name' else f'{name}.{knob}'}="
        f"{rounded(format_domain(value)) if is_domain(value) else typed_value(value)}"
        for name, values in layer.items()
        for knob, value in values.items()
    ]


def rounded(domain: str) -> str:
    """Return the text of a domain with at most six digits per number.

    >>> rounded("grid(0, 0.09090909090909091)")
    'grid(0, 0.0909091)'
    """
    return re.sub(r"\d+\.\d{7,}", lambda number: f"{float(number[0]):.6g}", domain)


def settings_table(settings: type) -> str:
    """Return the keys of a command in a table."""
    return knob_table(read_knobs(settings), "", title="key")


def with_examples(text: str) -> str:
    """Return a page with the examples that it names as they are now."""

    def shown_example(match: re.Match[str]) -> str:
        source = (ROOT / match[2]).read_text(encoding="utf-8").strip()
        return f"{match[1]}{source}\n{match[3]}"

    return EXAMPLE.sub(shown_example, text)


def stale(pages: Mapping[Path, str]) -> list[str]:
    """Return the files that differ from `pages`, lack, or are generated no longer."""
    wrong = [path for path, text in pages.items() if not path.exists() or text != read(path)]
    extra = [p for p in REFERENCE.glob("*") if p not in pages and p.name != GPU_HOURS]
    return sorted(str(path.relative_to(ROOT)) for path in [*wrong, *extra])


def read(path: Path) -> str:
    """Return the text of a file."""
    return path.read_text(encoding="utf-8")


def main(words: list[str]) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if stale")
    parser.add_argument("--gpu-hours", action="store_true", help="write that page too (2 minutes)")
    options = parser.parse_args(words)
    pages = reference()
    if options.gpu_hours:
        pages[REFERENCE / GPU_HOURS] = page(gpu_hours())
    found = stale(pages)
    for name in found:
        print(f"{name} is stale" if options.check else f"{name} is written")
    if options.check:
        if found:
            print("Run `python -m docs.generate` and commit the result.")
        return int(bool(found))
    REFERENCE.mkdir(exist_ok=True)
    for name in found:
        if ROOT / name in pages:
            (ROOT / name).write_text(pages[ROOT / name], encoding="utf-8")
        else:
            (ROOT / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
