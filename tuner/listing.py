"""How `--help` prints knobs: what can be typed, what is allowed, what is meant."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trainables.knobs import REQUIRED, Knob
from tuner.spoken import format_value


def print_heading(console: Console, title: str, syntax: str) -> None:
    """Print a title and how to use what follows."""
    console.print(Text.assemble("\n", (title, "bold"), f"  {syntax}"))


def build_knob_table(entries: dict[str, Knob], prefix: str) -> Table:
    """Return knobs as a table: path, what is allowed, default, meaning."""
    grid = Table.grid(padding=(0, 2))
    for name, knob in entries.items():
        default = "required" if knob.default is REQUIRED else f"[{format_value(knob.default)}]"
        grid.add_row(f"    {prefix}{name}", knob.allowed_values, default, knob.description)
    return grid
