"""Markdown from plain text: tables, code, escaped text, and the values that a knob may take."""

import html
import inspect
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType

from trainables.hparams.knobs import REQUIRED, Knob

ARXIV = re.compile(r"arXiv:(\d{4}\.\d{4,5})")


def knob_table(some: Mapping[str, Knob], prefix: str, title: str = "knob") -> str:
    """Return knobs in a table."""
    rows = [
        (
            f"`{prefix}{name}`",
            values(knob.allowed_values),
            "required" if knob.default is REQUIRED else f"`{default(knob.default)}`",
            escaped(knob.description),
        )
        for name, knob in some.items()
    ]
    return table((title, "type and range", "default", "meaning"), rows)


def values(allowed: str) -> str:
    """Return the description of the values of a knob in Markdown, with ranges as intervals.

    >>> values("float >= 0 <= 1 or none"), values("list of int > 0 or drop")
    ('`float in [0, 1]` or `none`', 'list of `int > 0` or `drop`')
    >>> values("zero|random")
    '`zero`, `random`'
    """
    listed, _, rest = allowed.rpartition("list of ")
    return f"{'list of ' * bool(listed or allowed != rest)}{' or '.join(alternatives(rest))}"


def alternatives(allowed: str) -> Iterator[str]:
    """Yield each alternative of a description of values."""
    for each in allowed.split(" or "):
        bounds = re.fullmatch(r"(\w+) (>=?) (\S+) (<=?) (\S+)", each)
        if bounds:
            kind, above, low, below, high = bounds.groups()
            left, right = "[" if above == ">=" else "(", "]" if below == "<=" else ")"
            yield f"`{kind} in {left}{low}, {high}{right}`"
        else:
            yield ", ".join(f"`{value}`" for value in each.split("|"))


def default(value: object) -> str:
    """Return a default as it would be typed.

    >>> default(None), default(("robust", "clean")), default(False), default(())
    ('none', 'robust,clean', 'false', '(empty)')
    """
    if isinstance(value, tuple | list):
        return ",".join(map(typed_value, value)) or "(empty)"
    return typed_value(value) or "(empty)"


def typed_value(value: object) -> str:
    """Return the value of a knob as it would be typed.

    >>> typed_value((0.5, 0.75)), typed_value(True), typed_value("sgd"), typed_value(8 / 255)
    ('[0.5,0.75]', 'true', 'sgd', '8/255')
    """
    if isinstance(value, tuple | list):
        return f"[{','.join(map(typed_value, value))}]"
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, float):
        return str(value)
    text, grey_levels = f"{value:.6g}", value * 255
    if len(text) > len("0.0001") and math.isclose(grey_levels, round(grey_levels)):
        return f"{grey_levels:.0f}/255"
    return text


def table(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    titles = list(titles)
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def coded(words: Iterable[str]) -> str:
    """Return words as code, separated by spaces."""
    return " ".join(f"`{each}`" for each in words)


def first_line(module: ModuleType) -> str:
    """Return the first line of the docstring of a module, as Markdown."""
    return escaped((inspect.getdoc(module) or "").partition("\n")[0])


def prose(module: ModuleType) -> str:
    """Return the docstring of a module as Markdown."""
    return escaped(inspect.getdoc(module) or "")


def escaped(text: str) -> str:
    r"""Return plain text as Markdown, with links to arXiv; what is in backticks stays code.

    >>> escaped("a|b *c* <d>, arXiv:2010.00467")
    'a\\|b \\*c\\* &lt;d&gt;, [arXiv:2010.00467](https://arxiv.org/abs/2010.00467)'
    >>> escaped("write `a < b`, or `x|y`")
    'write `a < b`, or <code>x&#124;y</code>'
    """
    parts = re.split(r"(`[^`]+`)", text)
    return "".join(
        escape_code(part) if i % 2 else escape_text(part) for i, part in enumerate(parts)
    )


def escape_code(span: str) -> str:
    """Return a code span that a cell of a table can hold."""
    if "|" not in span:
        return span
    inside = html.escape(span.strip("`"), quote=False).replace("|", "&#124;")
    return f"<code>{inside}</code>"


def escape_text(text: str) -> str:
    """Return text without code as Markdown, with links to arXiv."""
    safe = re.sub(r"([|*\[\]])", r"\\\1", html.escape(text, quote=False))
    return ARXIV.sub(r"[arXiv:\1](https://arxiv.org/abs/\1)", safe)
