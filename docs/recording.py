"""Record a command in a terminal as an animated SVG: `python -m docs.recording`.

    python -m docs.recording                      # the first search of the README, two minutes
    python -m docs.recording tuner.search space=weight_decay trials=4

The command runs in a terminal without a window. A few of its screens become frames, which the file
shows one after another; a reader who asks for less motion sees the last one alone.
"""

import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import pyte

TARGET = Path(__file__).with_name("search.svg")
SEARCH = ("tuner.search", "space=weight_decay")
COLUMNS, LINES = 80, 24
MAX_FRAMES, MAX_BYTES = 12, 100_000
PAUSE, SECONDS_PER_FRAME, SECONDS_OF_LAST = 0.5, 1.2, 6.0
"""Seconds between two looks at the screen; how long a frame, and the last one, is shown."""
LETTER_WIDTH, LINE_HEIGHT, MARGIN = 8.4, 18, 14
"""Pixels of letters of 14 pixels in a monospaced font."""
PAPER, INK = "#15171c", "#e7e9ee"
COLOURS = {
    **{"black": "#6b7280", "red": "#f08a4b", "green": "#2fc79b", "brown": "#e6c14a"},
    **{"blue": "#7cc4ff", "magenta": "#e0a3c8", "cyan": "#6fd6e0", "white": INK, "default": INK},
}
"""Colours of a terminal by their names in pyte; bright ones look the same."""


@dataclass(frozen=True)
class Span:
    """Letters of one line that look the same.

    Attributes:
        column: Where they begin, from 0.
        text: The letters.
        colour: Their colour.
        bold: Whether they are bold.
    """

    column: int
    text: str
    colour: str
    bold: bool


Screen = tuple[tuple[Span, ...], ...]
"""Spans of each line."""


def main(words: Sequence[str]) -> int:
    """Record a command, write the file and return the exit status of the command."""
    command = tuple(words) or SEARCH
    with TemporaryDirectory() as folder:
        screens, status = record([sys.executable, "-m", *command], folder)
    prompt = f"$ uv run attuner {' '.join((command[0].rpartition('.')[2], *command[1:]))}"
    text = draw(choose_frames(screens), prompt)
    if status == 0 and len(text) <= MAX_BYTES:
        TARGET.write_text(text, encoding="utf-8")
    print(f"{len(screens)} screens, {len(text)} bytes, exit status {status}: {TARGET}")
    return status or int(len(text) > MAX_BYTES)


def record(command: Sequence[str], folder: str) -> tuple[list[Screen], int]:
    """Return the different screens of a command in a terminal, and its exit status.

    The path of the folder is left out of what the command prints.

    Args:
        command: The program, by its path, and its arguments.
        folder: Where the command runs.
    """
    screen = pyte.Screen(COLUMNS, LINES)
    stream = pyte.ByteStream(screen)
    process, terminal = pty.fork()
    if process == 0:
        os.environ |= {"TERM": "xterm-256color", "COLUMNS": str(COLUMNS), "LINES": str(LINES)}
        os.chdir(folder)
        os.execv(command[0], list(command))
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    screens, last_look, text = list[Screen](), 0.0, b""
    while True:
        if select.select([terminal], [], [], PAUSE)[0]:
            try:
                text += os.read(terminal, 65536)
            except OSError:  # how Linux reports that a terminal has lost its process
                break
            visible, text = hide_folder(text, f"{os.path.realpath(folder)}/".encode())
            stream.feed(visible)
        if time.monotonic() - last_look > PAUSE:
            screens, last_look = add_screen(screens, read_screen(screen)), time.monotonic()
    os.close(terminal)
    stream.feed(text)
    _, status = os.waitpid(process, 0)
    return add_screen(screens, read_screen(screen)), os.waitstatus_to_exitcode(status)


def hide_folder(text: bytes, folder: bytes) -> tuple[bytes, bytes]:
    """Return a text without the path of a folder, and an end that may be the start of that path.

    >>> hide_folder(b"in /tmp/x/results, /tm", b"/tmp/x/")
    (b'in results, ', b'/tm')
    """
    text = text.replace(folder, b"")
    held = next((n for n in range(len(folder) - 1, 0, -1) if text.endswith(folder[:n])), 0)
    return text[: len(text) - held], text[len(text) - held :]


def add_screen(screens: list[Screen], screen: Screen) -> list[Screen]:
    """Return screens with another one, unless it is empty or nothing has changed."""
    is_new = any(screen) and (not screens or screens[-1] != screen)
    return [*screens, screen] if is_new else screens


def read_screen(screen: pyte.Screen) -> Screen:
    """Return what a terminal shows."""
    return tuple(tuple(read_line(screen, line)) for line in range(screen.lines))


def read_line(screen: pyte.Screen, line: int) -> Iterator[Span]:
    """Yield the spans of a line, without blank ones."""
    letters = [(column, screen.buffer[line][column]) for column in range(screen.columns)]
    for (colour, bold), some in groupby(letters, lambda pair: (pair[1].fg, pair[1].bold)):
        run = list(some)
        text = "".join(letter.data for _, letter in run)
        if text.strip():
            column = run[0][0] + len(text) - len(text.lstrip())
            yield Span(column, text.strip(), hex_colour(colour), bold)


def hex_colour(name: str) -> str:
    """Return a colour of pyte, a name or six hexadecimal digits, for SVG.

    >>> hex_colour("brightred"), hex_colour("00ff00")
    ('#f08a4b', '#00ff00')
    """
    return COLOURS.get(name.removeprefix("bright"), f"#{name}")


def choose_frames(screens: Sequence[Screen]) -> list[Screen]:
    """Return screens at equal distances, with the first and the last."""
    most = min(MAX_FRAMES, len(screens))
    places = {round(i * (len(screens) - 1) / max(1, most - 1)) for i in range(most)}
    return [screens[place] for place in sorted(places)]


def draw(frames: Sequence[Screen], prompt: str) -> str:
    """Return frames below a prompt as an animated SVG."""
    width = round(COLUMNS * LETTER_WIDTH + 2 * MARGIN)
    height = (LINES + 1) * LINE_HEIGHT + 2 * MARGIN
    total = (len(frames) - 1) * SECONDS_PER_FRAME + SECONDS_OF_LAST
    rules = "".join(animate(index, len(frames), total) for index in range(len(frames)))
    groups = "".join(
        f'<g class="f" id="f{index}">{draw_screen(frame)}</g>\n'
        for index, frame in enumerate(frames)
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>{escape(prompt)}</title>
<style>text {{ font: 14px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
white-space: pre; fill: {INK}; }}
.f {{ visibility: hidden; }} #f{len(frames) - 1} {{ visibility: visible; }}
@media (prefers-reduced-motion: no-preference) {{ {rules} }}</style>
<rect width="{width}" height="{height}" rx="8" fill="{PAPER}"/>
{draw_span(Span(0, prompt, COLOURS["green"], True), 0)}
{groups}</svg>
"""


def animate(index: int, count: int, total: float) -> str:
    """Return the rules that show one frame for its time and hide it otherwise."""
    start = 100 * index * SECONDS_PER_FRAME / total
    end = 100.0 if index == count - 1 else 100 * (index + 1) * SECONDS_PER_FRAME / total
    hidden, shown = "{visibility:hidden}", "{visibility:visible}"
    before = f"0%{hidden if index else shown}"
    after = "" if index == count - 1 else f"{end:.2f}%,100%{hidden}"
    return (
        f"@keyframes k{index}{{{before}{start:.2f}%{shown}{after}}}"
        f"#f{index}{{animation:k{index} {total:.1f}s step-end infinite}}\n"
    )


def draw_screen(screen: Screen) -> str:
    """Return the letters of a screen."""
    return "".join(
        draw_span(span, line) for line, spans in enumerate(screen, start=1) for span in spans
    )


def draw_span(span: Span, line: int) -> str:
    """Return letters at their place, stretched to their columns in any monospaced font."""
    x, y = MARGIN + LETTER_WIDTH * span.column, MARGIN + LINE_HEIGHT * (line + 0.75)
    bold = ' font-weight="bold"' if span.bold else ""
    fill = "" if span.colour == INK else f' style="fill:{span.colour}"'
    length = f' textLength="{LETTER_WIDTH * len(span.text):.1f}"'
    return f'<text x="{x:.1f}" y="{y:.1f}"{length}{bold}{fill}>{escape(span.text)}</text>'


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
