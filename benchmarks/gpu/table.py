"""The results as a table for people."""

from collections.abc import Iterator
from typing import Any

from benchmarks.gpu.settings import Values
from benchmarks.gpu.targets import TARGETS

COLUMNS = (
    ("ms", 10),
    ("ratio", 7),
    ("images_per_second", 18),
    ("peak_mib", 10),
    ("mfu", 8),
    ("precision", 11),
)
NAME_WIDTH = 44
MAX_TEXT = 160


def format_results(results: Values) -> str:
    """Return the tables of all sections, and the targets."""
    lines: list[str] = []
    for name, section in results.items():
        if isinstance(section, dict) and name != "about":
            lines += ["", name, *format_values(section, 1)]
    return "\n".join([*lines, "", *format_targets(results)])


def format_values(values: Values, depth: int) -> Iterator[str]:
    """Yield lines of nested values: contenders as rows, all else as name and value."""
    indent = "  " * depth
    rows = {name: row for name, row in values.items() if isinstance(row, dict) and "ms" in row}
    if rows:
        yield " " * NAME_WIDTH + "".join(f"{key:>{width}}" for key, width in COLUMNS)
    for name, value in values.items():
        if name in rows:
            cells = "".join(f"{format_cell(value.get(key)):>{width}}" for key, width in COLUMNS)
            yield f"{indent + name:{NAME_WIDTH}}{cells}  {value.get('graphs', '')}".rstrip()
        elif isinstance(value, dict) and value.keys() == {"error"}:
            yield f"{indent + name:{NAME_WIDTH}}  {value['error']}"[:MAX_TEXT]
        elif isinstance(value, dict):
            yield f"{indent}{name}"
            yield from format_values(value, depth + 1)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{indent}{name}"
            for row in value:
                cells = "  ".join(f"{key} {format_cell(each)}" for key, each in row.items())
                yield f"{indent}  {cells}"[:MAX_TEXT]
        else:
            yield f"{indent + name:{NAME_WIDTH}}  {format_cell(value)}"[:MAX_TEXT]


def format_cell(value: Any) -> str:  # noqa: ANN401  # whatever JSON has
    """Return a number with at most four digits after the point, anything else as text."""
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    return "-" if value is None else str(value)


def format_targets(results: Values) -> Iterator[str]:
    """Yield a line for each target."""
    yield "targets"
    for target in TARGETS:
        number, state = target.check(results)
        bound = f"{'>=' if target.at_least else '<='} {target.bound:g}"
        yield f"  {target.text:46}{format_cell(number):>8}  {bound:8}  {state}"
