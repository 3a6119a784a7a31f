"""A console that escapes control characters, so that untrusted text cannot drive the terminal.

It prints no credentials either.
"""

import json
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import IO, Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
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
    if not (console.is_terminal or isinstance(console, JsonConsole)):
        console = SafeConsole(file=console.file, width=MAX_TABLE_WIDTH, quiet=console.quiet)
    console.print(table)


@contextmanager
def show_waiting(console: Console, text: str) -> Iterator[None]:
    """Print what the body waits for; in a terminal, with the time while it does."""
    if not console.is_terminal:
        console.print(text)
        yield
        return
    columns = SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        progress.add_task(text, total=None)
        yield


class SafeConsole(Console):
    """A rich console without markup, emoji or highlighting, and with control characters escaped.

    It wraps lines, and writes escape codes, only in a terminal: FORCE_COLOR, which rich obeys and
    which build servers set, would put them into files and pipes. In a notebook it prints text, as
    rich would make an output of HTML of every line.
    """

    def __init__(self, **options: Any) -> None:  # noqa: ANN401
        if Console().is_jupyter:
            options = {"force_jupyter": False, **options}
        file = options.get("file") or (sys.stderr if options.get("stderr") else sys.stdout)
        if not file.isatty():
            options.setdefault("force_terminal", False)
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


CAUTION = "caution: "
"""What a warning starts with."""


class JsonConsole(SafeConsole):
    """A console that prints JSON, one object a line, for programs that read the output.

    What is printed as text becomes an event `message`, a table an event `table`.
    """

    def __init__(self, file: IO[str] | None = None, *, quiet: bool = False) -> None:
        super().__init__(file=file, quiet=quiet, force_terminal=False, force_jupyter=False)

    def print(self, *objects: object, **_: Any) -> None:  # noqa: ANN401
        """Print text or tables as events; options of rich's `print` mean nothing here."""
        for table in (each for each in objects if isinstance(each, Table)):
            self.print_event("table", describe_table(table))
        text = " ".join(str(each) for each in objects if not isinstance(each, Table))
        if text:
            level = "warning" if text.startswith(CAUTION) else "info"
            self.print_event("message", {"level": level, "text": text.removeprefix(CAUTION)})

    def print_event(self, event: str, values: Mapping[str, object]) -> None:
        """Print an event.

        Args:
            event: What happened.
            values: More about it; of types that JSON has, others are printed as text.
        """
        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        content = {"event": event, "time": now, **values}
        if self.quiet:
            return
        self.file.write(json.dumps(redact_texts(content), allow_nan=False) + "\n")
        self.file.flush()


def redact_texts(value: object) -> object:
    """Return nested values of JSON without credentials in their texts; other types as text."""
    if isinstance(value, Mapping):
        return {str(key): redact_texts(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_texts(item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact_credentials(str(value))


def describe_table(table: Table) -> dict[str, object]:
    """Return columns and rows of a table of text."""
    return {
        "columns": [str(column.header) for column in table.columns],
        "rows": [
            [str(cell) for cell in row]
            for row in zip(*(column.cells for column in table.columns), strict=True)
        ],
    }
