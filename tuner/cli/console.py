"""A console that escapes control characters, so that untrusted text cannot drive the terminal.

It prints no credentials either.
"""

import unicodedata
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

from trainables.credentials import redact_credentials

ALLOWED_CONTROLS = "\n\t"
MAX_TABLE_WIDTH = 10_000
"""Columns of a table in a file or pipe; more than any table has."""
BIDI_CONTROLS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c"
"""Characters that change the direction in which text is displayed."""


def escape_controls(text: str) -> str:
    r"""Return text with control characters escaped.

    >>> escape_controls("\x1b[2J done")
    '\\x1b[2J done'
    """
    return "".join(escape_character(character) for character in text)


def escape_character(character: str) -> str:
    """Return a character, or its Python escape if it is a control or bidirectional character."""
    controls = unicodedata.category(character) == "Cc" and character not in ALLOWED_CONTROLS
    return repr(character)[1:-1] if controls or character in BIDI_CONTROLS else character


def print_table(console: Console, table: Table) -> None:
    """Print a table; in output that is no terminal, as wide as its content.

    Where the width is unknown, rich would cut all lines to 80 columns.
    """
    if not console.is_terminal:
        console = SafeConsole(file=console.file, width=MAX_TABLE_WIDTH, quiet=console.quiet)
    console.print(table)


class SafeConsole(Console):
    """A rich console without markup, emoji or highlighting, and with control characters escaped.

    It wraps lines only in a terminal. In a notebook it prints text, as rich would make an output
    of HTML of every line.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        if Console().is_jupyter:
            options = {"force_jupyter": False, "force_terminal": False, **options}
        super().__init__(markup=False, emoji=False, highlight=False, **options)
        # in a file or pipe the width is unknown, and rich would wrap lines at 80 columns
        self.soft_wrap = not self.is_terminal

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield the segments of a line, table cell or title, with control characters escaped.

        Credentials of addresses are redacted.
        """
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
                continue
            text = redact_credentials(segment.text)
            if not text.isprintable():
                text = escape_controls(text)
            yield segment if text == segment.text else Segment(text, segment.style)
