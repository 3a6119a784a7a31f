"""Markdown text: untrusted values escaped, configurations, tables."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tuner.cli.console import escape_controls

SPECIAL_CHARACTERS = re.compile(r"[\\`<$|]|!(?=\[)|\](?=[\[(:])|&(?=[#\w]+;)|(?<!\S)[#>](?=[#\s])")


def escape_markdown(value: Any) -> Any:  # noqa: ANN401
    r"""Return nested values with all texts and keys escaped for Markdown, each on one line.

    >>> escape_markdown({"name": "<b>$x$</b>\n# pgd", "drops": ["[a](b)", 0.5, "clean>=0.8"]})
    {'name': '\\<b>\\$x\\$\\</b> \\# pgd', 'drops': ['[a\\](b)', 0.5, 'clean>=0.8']}
    """
    if isinstance(value, Mapping):
        return {escape_markdown(key): escape_markdown(item) for key, item in value.items()}
    if isinstance(value, list):
        return [escape_markdown(item) for item in value]
    if not isinstance(value, str):
        return value
    return SPECIAL_CHARACTERS.sub(r"\\\g<0>", escape_controls(" ".join(value.split())))


def format_config_value(value: object) -> str:
    """Return the name and the knobs of a member, or a value, as one line.

    >>> format_config_value({"name": "pgd", "steps": 10, "step_size": None}), format_config_value(7)
    ('pgd: steps 10, step_size none', '7')
    """
    if not isinstance(value, Mapping):
        return str(value).lower() if value is None or isinstance(value, bool) else str(value)
    knobs = ", ".join(
        f"{key} {format_config_value(knob)}" for key, knob in value.items() if key != "name"
    )
    return ": ".join(filter(None, [str(value.get("name", "")), knobs]))


def render_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
