"""What the pages of `docs/` take from the code: a hook of MkDocs.

A line `{{ WORD ... }}` of a page stands for what the function of that name writes, from signatures
and docstrings. The front page is the README; its links are turned to where its targets lie here.
"""

import html
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from analysis.diagnostics._settings import MEASURES
from analysis.report.__main__ import ReportSettings
from benchmarks import gpu_hours
from trainables import catalogue
from trainables.groups import GROUPS, Group
from trainables.knobs import REQUIRED, Knob, documented, knobs
from trainables.report import Report
from tuner.domains import is_domain, spelled
from tuner.evaluation_settings import EvaluationSettings
from tuner.help import first_line
from tuner.settings import Settings
from tuner.space import RECIPES, SPACES, Space, understood
from tuner.spoken import shown
from tuner.study_groups import STUDY_GROUPS
from tuner.suites import ATTACKS, SUITES

ROOT = Path(__file__).parents[1]
COPIED = {
    "index.md": "README.md",
    "contributing.md": "CONTRIBUTING.md",
    "changelog.md": "CHANGELOG.md",
}
"""Pages that are files of the root folder."""
MARK = re.compile(r"^\{\{ (\w+)((?: \w+)*) \}\}$", flags=re.MULTILINE)
ALL = {**GROUPS, **STUDY_GROUPS, "attacks": ATTACKS, "measures": MEASURES}
FIGURES = "analysis.figures"
SETTINGS: dict[str, type] = {
    "study": Settings,
    "evaluation": EvaluationSettings,
    "report": ReportSettings,
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are files of the root folder."""
    for page, source in COPIED.items():
        text = relinked((ROOT / source).read_text(encoding="utf-8"))
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Return a page with everything in it that is generated."""
    return MARK.sub(lambda match: written(match[1], match[2].split()), markdown)


def relinked(text: str) -> str:
    """Return a text of the root folder as a page here.

    >>> relinked("[a](docs/results.md#x), [b](CHANGELOG.md), [c](https://d.org)")
    '[a](results.md#x), [b](changelog.md), [c](https://d.org)'
    """
    text = re.sub(r"\]\(docs/", "](", text)
    for page, source in COPIED.items():
        text = text.replace(f"]({source})", f"]({page})")
    return re.sub(r'="docs/', '="', text)


def written(word: str, arguments: list[str]) -> str:
    """Return what a mark stands for.

    Raises:
        KeyError: If there is no such mark, or nothing of the name that it asks for.
    """
    return WRITERS[word](*arguments)


def settings(name: str) -> str:
    """Return the keys of a command."""
    return listed(knobs(SETTINGS[name]), "")


def group(name: str) -> str:
    """Return the members of a group with their knobs, and the knobs that come with every one."""
    found = ALL[name]
    prefix = "" if name in ("attacks", "measures") else f"{name}."
    common = found.shared_knobs()
    parts = [member(found, each, prefix or f"{each}.", common) for each in found.members()]
    if common:
        title = f"### With any `{name}=`" if found.folder else f"### `{name}`: {found.meaning}"
        parts.append(f"{title}\n\n{listed(common, prefix)}")
    return "\n\n".join(parts)


def member(found: Group, name: str, prefix: str, common: Mapping[str, Knob]) -> str:
    """Return one member of a group: its docstring, what it comes with, and its own knobs."""
    module = found.load(name)
    own = {key: knob for key, knob in found.knobs(name).items() if key not in common}
    companions = getattr(module, "COMPANIONS", {})
    parts = [f"### {name}", prose(module)]
    if companions:
        with_it = ", ".join(f"`{each}`" for each in typed(companions))
        parts.append(f"Comes with {with_it}, unless you say otherwise.")
    return "\n\n".join([*parts, *([listed(own, prefix)] if own else [])])


def typed(layer: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return what a space or recipe says, each as it would be typed."""
    return [
        f"{name if knob == 'name' else f'{name}.{knob}'}="
        f"{spelled(value) if is_domain(value) else shown(value)}"
        for name, values in layer.items()
        for knob, value in values.items()
    ]


def spaces(kind: str) -> str:
    """Return the spaces that search, or those that are tables of papers.

    Args:
        kind: "searched" or "tables".
    """
    parts = []
    for name in catalogue.names(SPACES):
        module = catalogue.load(SPACES, name)
        if hasattr(module, "published") == (kind == "tables"):
            parts.append(
                f"### {name}\n\n{prose(module)}\n\n{searched(understood('space', module))}"
            )
    return "\n\n".join(parts)


def searched(space: Space) -> str:
    """Return what a space searches and fixes, variant by variant unless there are many."""
    lines = [f"- `{each}`" for each in typed(space.layer)]
    if space.published:
        lines.append(f"- {len(space.variants)} variants, one a row of the table")
    else:
        for label, layer in space.variants.items():
            inside = " ".join(f"`{each}`" for each in typed(layer))
            lines.append(f"- {escaped(label)}: {inside}")
    meant = {"recipe": space.recipe, "scheduler": space.scheduler, "epochs": space.epochs}
    lines += [f"- meant for `{key}={value}`" for key, value in meant.items() if value]
    return "\n".join(lines)


def recipes() -> str:
    """Return the recipes in a table."""
    rows = []
    for name in catalogue.names(RECIPES):
        module = catalogue.load(RECIPES, name)
        rows.append((f"`{name}`", str(module.EPOCHS), escaped(first_line(module))))
    return table(("recipe=", "epochs", "what it is"), rows)


def suites() -> str:
    """Return the suites in a table."""
    rows = [
        (f"`{name}`", " ".join(f"`{each}`" for each in attacks)) for name, attacks in SUITES.items()
    ]
    return table(("suite=", "attacks"), rows)


def figures() -> str:
    """Return the figures in a table."""
    rows = [
        (f"`{name}`", escaped(first_line(catalogue.load(FIGURES, name))))
        for name in catalogue.names(FIGURES)
    ]
    return table(("figure=", "what it shows"), rows)


def example(name: str) -> str:
    """Return the text of an example."""
    return (ROOT / "examples" / f"{name}.py").read_text(encoding="utf-8").rstrip()


def columns() -> str:
    """Return the columns of `epochs.parquet`, which are the fields of a report."""
    meanings = documented(Report)
    rows = [(f"`{each.name}`", escaped(meanings[each.name])) for each in fields(Report)]
    return table(("column", "meaning"), rows)


def costs() -> str:
    """Return the GPU-hours of every published table, and the speeds that they rest on."""
    known = gpu_hours.speeds()
    lines = [
        f"- {each.multiplications / 3600 / 1e12:.1f} x 10^12 multiplications a second: "
        f"{escaped(each.source)}"
        for each in known
    ]
    rows = [
        (
            f"[`{each.space}`](spaces.md#{each.space})",
            str(each.cells),
            str(each.epochs),
            f"{each.multiplications / 1e18:.1f}",
            f"{each.hours(known[-1]):.0f} to {each.hours(known[0]):.0f}",
        )
        for each in gpu_hours.tables()
    ]
    titles = ("space=", "cells", "epochs", "10^18 multiplications", "GPU-hours")
    return "\n".join(lines) + "\n\n" + table(titles, rows)


def listed(some: Mapping[str, Knob], prefix: str) -> str:
    """Return knobs in a table."""
    rows = [
        (
            f"`{prefix}{name}`",
            f"`{knob.allowed}`",
            "required" if knob.default is REQUIRED else f"`{default(knob.default)}`",
            escaped(knob.meaning),
        )
        for name, knob in some.items()
    ]
    return table(("knob", "allowed", "default", "meaning"), rows)


def default(value: object) -> str:
    """Return a default as it would be typed.

    >>> default(None), default(("robust", "clean")), default(False), default(())
    ('none', 'robust,clean', 'false', 'nothing')
    """
    if isinstance(value, tuple | list):
        return ",".join(map(shown, value)) or "nothing"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return shown(value) or "nothing"


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    titles = list(titles)
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def prose(module: ModuleType) -> str:
    """Return the docstring of a module."""
    return escaped(inspect.getdoc(module) or "")


def escaped(text: str) -> str:
    r"""Return plain text as Markdown, with links to arXiv.

    >>> escaped("a|b *c* <d>, arXiv:2010.00467")
    'a\\|b \\*c\\* &lt;d&gt;, [arXiv:2010.00467](https://arxiv.org/abs/2010.00467)'
    """
    safe = re.sub(r"([|*\[\]])", r"\\\1", html.escape(text, quote=False))
    return re.sub(r"arXiv:(\d{4}\.\d{5})", r"[arXiv:\1](https://arxiv.org/abs/\1)", safe)


WRITERS: dict[str, Callable[..., str]] = {
    each.__name__: each
    for each in (settings, group, spaces, recipes, suites, figures, example, columns, costs)
}
