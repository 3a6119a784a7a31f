"""The terminal, which shows what strangers have written and does nothing of what that says."""

import unicodedata
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

ALLOWED_CONTROLS = "\n\t"
BIDI_CONTROLS = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u061c"
"""Have text read in another order than it is written."""
PLAIN_OPTIONS: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}


def escape_controls(text: str) -> str:
    r"""Return text with what a terminal would act on written out.

    >>> escape_controls("\x1b[2J done")
    '\\x1b[2J done'
    """
    return "".join(escape_character(letter) for letter in text)


def escape_character(character: str) -> str:
    """Return a character, or how Python writes it if it controls what others look like."""
    controls = unicodedata.category(character) == "Cc" and character not in ALLOWED_CONTROLS
    return repr(character)[1:-1] if controls or character in BIDI_CONTROLS else character


class SafeConsole(Console):
    """A console that prints names, paths and errors as they are, whatever they look like."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        super().__init__(**PLAIN_OPTIONS, **options)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """Yield what is printed, be it a line, a cell of a table or a title."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(escape_controls(segment.text), segment.style)
