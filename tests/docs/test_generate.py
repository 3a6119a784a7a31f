"""The reference pages: up to date, complete, and plain Markdown."""

import re

import pytest

import tuner
from benchmarks import gpu_hours
from docs import generate, gpu_hours_page, render, sections, space_pages
from trainables.components import GROUPS
from trainables.hparams import registry
from tuner.config.study_groups import RECIPES_PACKAGE, STUDY_GROUPS

PAGES = generate.reference()
TEXT = "\n".join(PAGES.values())


def page(name):
    return PAGES[generate.REFERENCE / name]


def test_the_committed_pages_are_those_of_the_code():
    assert not generate.stale(PAGES), "run `python -m docs.generate` and commit the result"


def test_a_page_that_is_edited_missing_or_left_over_is_stale(tmp_path, monkeypatch):
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    monkeypatch.setattr(generate, "REFERENCE", tmp_path)
    pages = {tmp_path / name: "text\n" for name in ("kept.md", "edited.md", "missing.md")}
    for name, text in (("kept.md", "text\n"), ("edited.md", "other\n"), ("left.md", "text\n")):
        (tmp_path / name).write_text(text)
    assert generate.stale(pages) == ["edited.md", "left.md", "missing.md"]


@pytest.mark.parametrize("name", [*GROUPS, *STUDY_GROUPS])
def test_every_member_and_knob_of_a_group_is_listed(name):
    group = sections.ALL_GROUPS[name]
    members = sections.member_names(group.package) if group.package else [None]
    assert members
    for member in members:
        assert member is None or f"\n### `{name}={member}`\n" in TEXT
        assert all(f"| `{name}.{knob}` |" in TEXT for knob in group.member_knobs(member))


def test_a_knob_is_described_as_in_its_signature():
    lines = page("methods.md").splitlines()
    (row,) = (line for line in lines if line.startswith("| `method.beta` |") and "1/lambda" in line)
    knob = GROUPS["method"].member_knobs("trades")["beta"]
    assert row == f"| `method.beta` | `float >= 0` | `6` | {render.escaped(knob.description)} |"


def test_every_space_and_recipe_is_listed_once():
    listed = re.findall(r"^### `space=(\w+)`$", page("spaces.md"), flags=re.M)
    assert sorted(listed) == list(space_pages.space_modules())
    listed = re.findall(r"^### `recipe=(\w+)`$", page("recipes.md"), flags=re.M)
    assert listed == sections.member_names(RECIPES_PACKAGE)
    assert "- `optimizer.weight_decay=loguniform(1e-05, 0.01)`" in page("spaces.md")


def test_members_of_installed_plugins_are_left_out(monkeypatch):
    monkeypatch.setattr(registry, "find_plugins", lambda _: {"mine": None})
    assert "mine" in registry.list_members("trainables.methods")
    assert "mine" not in sections.member_names("trainables.methods")


def test_every_row_of_a_table_has_the_columns_of_its_title():
    """A bar inside code or behind a backslash does not end a column."""
    columns = None
    for line in TEXT.splitlines():
        bars = len(re.findall(r"(?<!\\)\|", re.sub(r"`[^`]*`", "", line)))
        columns = (columns or bars) if line.startswith("| ") else None
        assert columns in {None, bars}, line


def test_no_code_in_a_table_has_a_bar():
    """A forge ends a cell at every bar, also at one inside code."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    assert not [row for row in rows if any("|" in code for code in re.findall(r"`[^`]*`", row))]


def test_pages_do_not_depend_on_the_machine():
    assert str(generate.ROOT) not in TEXT
    assert "object at 0x" not in TEXT


@pytest.mark.slow
def test_the_page_of_gpu_hours_is_that_of_the_code():
    """Two small tables and the speeds; all of them take minutes."""
    text = (generate.REFERENCE / generate.GPU_HOURS).read_text(encoding="utf-8")
    speeds = gpu_hours.list_speeds()
    assert all(
        gpu_hours_page.speed_line(each.multiplications_per_hour, each.source) in text
        for each in speeds
    )
    for name in ("he_table_b", "pas_table1_mnist"):
        row = gpu_hours_page.cost_row(gpu_hours.compute_table_cost(name), speeds[0], speeds[-1])
        assert f"| {' | '.join(row)} |" in text


def test_every_name_for_python_is_described_with_its_arguments_and_errors():
    text = page("python.md")
    assert all(re.search(rf"^## `{name}(\(\))?`$", text, flags=re.M) for name in tuner.__all__)
    section = text.partition("### `Study()`")[2].partition("\n###")[0]
    assert "    Study(*, knobs: Mapping[str, object] | None = None, **keys: object)\n" in section
    assert re.findall(r"^\| `(\w+)` \|", section, flags=re.M) == ["knobs", "keys"]
    assert "**Raises** InputError: If any key or value is invalid;" in section
    assert (
        "    Study.load(folder: Path | str, *, trust: Iterable[Path | str] = ()) -> Study\n" in text
    )
    assert "| `best` | The best trial. Raises InputError: If no trial has completed" in text
