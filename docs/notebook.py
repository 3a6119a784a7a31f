"""A Jupyter notebook as a page: its text, code, and the outputs that it holds."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypedDict

ESCAPE_CODE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
"""Colours and movements of a terminal."""
MAX_LINES = 40
"""Lines of an output that the page shows."""


class Output(TypedDict, total=False):
    """An output of a cell, as nbformat 4 has it."""

    output_type: str
    text: str | Sequence[str]
    data: Mapping[str, str | Sequence[str]]


class Cell(TypedDict, total=False):
    """A cell, as nbformat 4 has it."""

    cell_type: str
    source: str | Sequence[str]
    outputs: Sequence[Output]


def render_notebook(path: Path) -> str:
    """Return a notebook as Markdown.

    Args:
        path: A notebook in nbformat 4.
    """
    cells: Sequence[Cell] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    parts = [part for cell in cells for part in render_cell(cell)]
    link = f"This page is the notebook `docs/{path.name}` of the repository."
    return "\n\n".join([*parts[:1], link, *parts[1:]]) + "\n"


def render_cell(cell: Cell) -> Iterator[str]:
    """Yield a cell, and each of its outputs, as Markdown."""
    source = join_lines(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
    elif cell["cell_type"] == "code":
        yield fence(source, "python")
        yield from filter(None, map(render_output, cell.get("outputs", ())))


def render_output(output: Output) -> str:
    """Return an output as Markdown: a picture, or else its plain text; empty if it has neither."""
    data = output.get("data", {})
    if "image/png" in data:
        return f"![output](data:image/png;base64,{join_lines(data['image/png']).strip()})"
    text = join_lines(output.get("text") or data.get("text/plain") or "")
    lines = ESCAPE_CODE.sub("", text).rstrip().splitlines()
    if len(lines) > MAX_LINES:
        lines = [*lines[: MAX_LINES // 2], "...", *lines[-MAX_LINES // 2 :]]
    return fence("\n".join(lines), "text") if lines else ""


def join_lines(text: str | Sequence[str]) -> str:
    r"""Return a text that nbformat holds as one string or as lines.

    >>> join_lines(["a\n", "b"])
    'a\nb'
    """
    return text if isinstance(text, str) else "".join(text)


def fence(text: str, language: str) -> str:
    """Return a block of code, fenced by more backticks than it has."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    ticks = "`" * max(3, longest + 1)
    return f"{ticks}{language}\n{text}\n{ticks}"
