"""Escape untrusted text for Markdown."""

import re
from collections.abc import Mapping
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
