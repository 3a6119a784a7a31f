"""The reference pages: everything that can be typed stands in them, as the code says it."""

import re
from pathlib import Path

import pytest

from docs import generate
from trainables import catalogue
from trainables.groups import GROUPS
from tuner.space import RECIPES, SPACES
from tuner.study_groups import STUDY_GROUPS

DOCS = Path(generate.__file__).parent
PAGES = {path.name: path.read_text(encoding="utf-8") for path in DOCS.glob("*.md")}
MARKS = sorted({tuple(m.groups()) for text in PAGES.values() for m in generate.MARK.finditer(text)})


def test_every_group_has_a_place():
    placed = {argument.strip() for word, argument in MARKS if word == "group"}
    assert placed >= {*GROUPS, *STUDY_GROUPS}


@pytest.mark.parametrize(("word", "argument"), [m for m in MARKS if m[0] != "costs"])
def test_what_a_mark_stands_for_has_no_mark_left(word, argument):
    page = generate.on_page_markdown(f"{{{{ {word}{argument} }}}}")
    assert page.strip()
    assert not generate.MARK.search(page)


def test_a_knob_stands_there_as_its_signature_says():
    lines = generate.group("method").splitlines()
    (row,) = (line for line in lines if line.startswith("| `method.beta` |") and "6" in line)
    assert row == (
        "| `method.beta` | `float >= 0` | `6` | "
        "Price of the shift, 1/lambda of the paper; 0 is standard training. |"
    )


def test_every_space_and_recipe_is_listed_once():
    listed = generate.spaces("searched") + "\n" + generate.spaces("tables")
    assert sorted(re.findall(r"^### (\w+)$", listed, flags=re.M)) == catalogue.names(SPACES)
    assert re.findall(r"^\| `(\w+)` \|", generate.recipes(), flags=re.M) == catalogue.names(RECIPES)
    assert "- `optimizer.weight_decay=loguniform(1e-05, 0.01)`" in listed


def test_a_mark_that_nobody_writes_ends_the_build():
    with pytest.raises(KeyError):
        generate.on_page_markdown("{{ nonsense }}")


def test_a_table_keeps_its_columns_whatever_is_said():
    """Four columns have five bars, and a bar in a text is escaped."""
    for name in ("study", "evaluation", "report"):
        for row in generate.settings(name).splitlines():
            assert len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", row))) == 5
