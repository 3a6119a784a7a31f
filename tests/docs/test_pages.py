"""The pages that are written by hand: their links, the files and columns that they name."""

import ast
import re
from dataclasses import fields
from pathlib import Path

import pytest

from analysis.diagnostics._table import COLUMNS as DIAGNOSTIC_COLUMNS
from docs import hooks
from trainables.training.report import Report
from tuner.evaluation.table import COLUMNS as EVALUATION_COLUMNS
from tuner.layout import SEED_COLUMNS, TRIAL_COLUMNS

ROOT = Path(hooks.__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted({*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")})
LINK = re.compile(r"\]\(([^)\s#]*)(?:#([^)\s]*))?\)")
PATH = re.compile(
    r"`((?:tuner|trainables|analysis|search_spaces|tests|examples|benchmarks|docs)/[\w./]*)`"
)


def relative(path):
    return path.relative_to(ROOT).as_posix()


def without_code(text):
    return re.sub(r"```.*?```|^    .*?$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(path):
    """Return the anchors that a forge gives to the headings of a page."""
    titles = re.findall(r"^#+ (.*)$", without_code(path.read_text(encoding="utf-8")), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_links_lead_to_files_and_headings_that_there_are(path):
    for target, anchor in LINK.findall(without_code(path.read_text(encoding="utf-8"))):
        if "://" in target:
            continue
        file = path.parent / target if target else path
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}"


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_headings_of_a_page_have_different_anchors(path):
    """A forge and MkDocs number equal ones differently."""
    if path.name == "CHANGELOG.md":
        return
    titles = re.findall(r"^#+ (.*)$", without_code(path.read_text(encoding="utf-8")), flags=re.M)
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("path", [p for p in PAGES if p.name != "CHANGELOG.md"], ids=relative)
def test_files_that_a_page_names_exist(path):
    named = PATH.findall(path.read_text(encoding="utf-8"))
    gone = [name for name in named if "NAME" not in name and not (ROOT / name).exists()]
    assert not gone


@pytest.mark.parametrize("path", PAGES, ids=relative)
def test_a_page_is_plain_markdown(path):
    assert "{{" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [p for p in PAGES if p.name != "CHANGELOG.md"], ids=relative)
def test_python_on_a_page_imports_what_there_is(path):
    text = path.read_text(encoding="utf-8")
    imports = re.findall(
        r"^\s*(from (?:tuner|trainables|analysis|search_spaces)\S* import [^()\n]+)$", text, re.M
    )
    for line in imports:
        exec(line, {})


def test_python_on_a_page_is_python():
    for path in PAGES:
        for code in re.findall(r"```python\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            ast.parse(code)


def test_the_readme_is_short():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 120


@pytest.mark.parametrize(
    ("title", "columns"),
    [
        ("trials", {*TRIAL_COLUMNS, *SEED_COLUMNS, "pareto", "feasible"}),
        ("evaluation", set(EVALUATION_COLUMNS)),
        ("diagnostics", set(DIAGNOSTIC_COLUMNS)),
    ],
)
def test_every_column_is_described(title, columns):
    text = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    _, _, section = text.partition(f"## `{title}.parquet`")
    rows = re.findall(r"^\| (`[^|]*`) \|", section.partition("\n## ")[0], flags=re.M)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == columns


def test_every_column_of_epochs_is_described():
    text = (ROOT / "docs" / "reference" / "columns.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|", text, flags=re.M) == [each.name for each in fields(Report)]


def test_links_between_pages_are_those_of_the_site():
    page = "[a](../search.md#x) [b](../../CHANGELOG.md) [c](../../tuner/search.py) [d](data.md)"
    assert hooks.relinked(page, "docs/reference/study.md") == (
        "[a](../search.md#x) [b](../changelog.md) c [d](data.md)"
    )
