"""The live table in a notebook, redrawn in place."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO

from rich.console import Console, RenderableType

from tuner.cli.console import SafeConsole

REDRAW_SECONDS = 1.0
WIDTH, HEIGHT = 100, 36
"""Columns and lines of the table; the output of a cell has no fixed size."""
PRE = '<pre style="line-height:normal;font-family:monospace">{code}</pre>'


def is_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    return Console().is_jupyter


def notebook_console() -> SafeConsole:
    """Return a console of the size of the table, which keeps what is printed."""
    return SafeConsole(file=StringIO(), record=True, width=WIDTH, height=HEIGHT)


def render_output(renderable: RenderableType) -> dict[str, str]:
    """Return the output of a cell: as HTML, and as text for front ends without it."""
    console = notebook_console()
    console.print(renderable)
    text = console.export_text(clear=False)
    return {
        "text/html": console.export_html(inline_styles=True, code_format=PRE),
        "text/plain": text,
    }


@contextmanager
def show_in_notebook(render: Callable[[], RenderableType]) -> Iterator[None]:
    """Show what `render` returns below the cell during the body, and clear it at the end.

    The display is updated through its id, which every front end can do without widgets.

    Args:
        render: Returns the table as it is now; called from a thread.
    """
    from IPython.display import display  # noqa: PLC0415  # a notebook has it

    handle = display(render_output(render()), raw=True, display_id=True)  # type: ignore[no-untyped-call]
    stop = threading.Event()

    def redraw() -> None:
        while not stop.wait(REDRAW_SECONDS):
            handle.update(render_output(render()), raw=True)

    thread = threading.Thread(target=redraw, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        handle.update({"text/plain": ""}, raw=True)
