"""How `--help` prints knobs: what can be typed, what is allowed, what is meant."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from trainables.knobs import REQUIRED, Knob
from tuner.spoken import shown


def heading(console: Console, title: str, how: str) -> None:
    """Print a title and how to use what follows."""
    console.print(Text.assemble("\n", (title, "bold"), f"  {how}"))


def listing(some: dict[str, Knob], prefix: str) -> Table:
    """Return knobs as a table: path, what is allowed, default, meaning."""
    grid = Table.grid(padding=(0, 2))
    for name, knob in some.items():
        default = "required" if knob.default is REQUIRED else f"[{shown(knob.default)}]"
        grid.add_row(f"    {prefix}{name}", knob.allowed, default, knob.meaning)
    return grid
