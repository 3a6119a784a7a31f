"""The notebook as a page, the gallery, and the recording of a terminal."""

import json
import sys
from xml.etree import ElementTree

import pytest

from analysis import figures
from docs import gallery, recording
from docs.hooks import COPIED, relinked
from docs.notebook import MAX_LINES, render_notebook
from docs.recording import Span, choose_frames, draw, record

GREEN = "\x1b[32m"


def text_of(screen):
    return [span.text for line in screen for span in line]


def write_notebook(path, *cells):
    path.write_text(json.dumps({"cells": cells, "nbformat": 4}))
    return path


def test_a_notebook_becomes_a_page_with_its_outputs(tmp_path):
    stream = {"output_type": "stream", "text": [f"{GREEN}done\x1b[0m\n", "twice\n"]}
    table = {"output_type": "execute_result", "data": {"text/plain": "  a\n0 1", "text/html": "x"}}
    picture = {"output_type": "display_data", "data": {"image/png": "iVBO\n", "text/plain": "fig"}}
    page = render_notebook(
        write_notebook(
            tmp_path / "n.ipynb",
            {"cell_type": "markdown", "source": ["# Title\n", "text"]},
            {"cell_type": "code", "source": "print(1)", "outputs": [stream, table, picture]},
            {"cell_type": "code", "source": "'```'", "outputs": []},
        )
    )
    assert page.startswith("# Title\ntext\n\nThis page is the notebook `docs/n.ipynb`")
    assert "```python\nprint(1)\n```\n\n```text\ndone\ntwice\n```" in page
    assert "```text\n  a\n0 1\n```" in page
    assert "![output](data:image/png;base64,iVBO)" in page
    assert page.endswith("````python\n'```'\n````\n")


def test_a_long_output_is_shortened(tmp_path):
    output = {"output_type": "stream", "text": "".join(f"line {i}\n" for i in range(100))}
    cell = {"cell_type": "code", "source": "f()", "outputs": [output]}
    lines = render_notebook(write_notebook(tmp_path / "n.ipynb", cell)).splitlines()
    shown = lines[lines.index("```text") + 1 : -1]
    assert len(shown) == MAX_LINES + 1
    assert (shown[0], shown[MAX_LINES // 2], shown[-1]) == ("line 0", "...", "line 99")


def test_links_to_the_notebook_lead_to_its_page():
    assert COPIED["docs/quickstart.ipynb"] == "notebook.md"
    text = relinked("[notebook](quickstart.ipynb), [page](quickstart.md)", "docs/quickstart.md")
    assert text == "[notebook](notebook.md), [page](quickstart.md)"


def test_the_gallery_has_every_figure_and_its_command():
    assert set(gallery.FIGURES) == set(figures.list_figures())
    page = gallery.GALLERY.with_suffix(".md").read_text(encoding="utf-8")
    for name in gallery.FIGURES:
        assert (gallery.GALLERY / f"{name}.svg").is_file()
        assert f"figure={name}" in page
        assert f"(gallery/{name}.svg)" in page
    assert set(gallery.GALLERY.iterdir()) == {
        gallery.GALLERY / f"{name}.svg" for name in gallery.FIGURES
    }
    # a limit of the repository, not of the figures
    assert sum(file.stat().st_size for file in gallery.GALLERY.iterdir()) < 1_000_000
    assert {name for studies in gallery.FIGURES.values() for name in studies} == set(
        gallery.STUDIES
    )


PROGRAM = f"""
import os, sys
print("\\x1b[1mstart\\x1b[0m <&>", flush=True)
for i in range(3):
    print(f"\\r{GREEN}epoch {{i}}", end="", flush=True)
print("\\x1b[0m\\r\\n" + " ".join([*map(str, os.get_terminal_size()), os.path.abspath("file")]))
sys.exit(3)
"""


def test_a_terminal_is_recorded(tmp_path):
    screens, status = record([sys.executable, "-c", PROGRAM], str(tmp_path))
    assert status == 3
    last = screens[-1]
    assert last[0] == (Span(0, "start", recording.INK, True), Span(6, "<&>", recording.INK, False))
    # what is written over is gone, the last line has the size of the terminal, no path of a folder
    assert last[1] == (Span(0, "epoch 2", recording.COLOURS["green"], False),)
    assert text_of(last[2:]) == [f"{recording.COLUMNS} {recording.LINES} file"]


def test_a_recording_is_an_svg_that_ends_with_the_last_screen():
    screens = [((Span(0, f"epoch {i}", recording.INK, False),), ()) for i in range(30)]
    frames = choose_frames(screens)
    assert len(frames) == recording.MAX_FRAMES
    assert (frames[0], frames[-1]) == (screens[0], screens[-1])
    root = ElementTree.fromstring(draw(frames, "$ run <a>"))
    groups = root.findall("{*}g")
    assert [group.find("{*}text").text for group in groups][-1] == "epoch 29"
    assert root.find("{*}title").text == "$ run <a>"
    style = root.find("{*}style").text
    assert style.count("@keyframes") == len(frames)
    assert f"#f{len(frames) - 1} {{ visibility: visible; }}" in style  # also without animations


@pytest.mark.parametrize("count", [1, 2])
def test_few_screens_are_all_shown(count):
    screens = [((Span(0, str(i), recording.INK, False),),) for i in range(count)]
    assert choose_frames(screens) == screens
    ElementTree.fromstring(draw(screens, "$"))
