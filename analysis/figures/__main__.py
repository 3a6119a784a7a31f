"""Draw the figures of studies: `python -m analysis.figures FOLDER...`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from rich.console import Console

from analysis import figures
from analysis.commands.figures import COMMAND, FigureSettings
from analysis.frames import Frames
from analysis.loading import load
from trainables.errors import InputError, did_you_mean
from tuner.cli.command import OK
from tuner.cli.parse import CommandLine
from tuner.cli.run import run_command
from tuner.cli.schema import settings_of
from tuner.cli.values import parse_columns
from tuner.storage.remote_folders import with_remote_folders
from tuner.storage.safe_files import check_links

FileFormat = Literal["pdf", "svg", "png"]


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: The command line without the program.
    """
    return run_command(words, COMMAND, ACTION)


def run_figures(line: CommandLine, console: Console) -> int:
    """Check the command, then draw; return its exit status.

    Raises:
        InputError: If anything is wrong with it, or nothing can be drawn.
    """
    folders = line.folders
    settings, problems = settings_of(line, FigureSettings)
    problems += check_figure_names(settings.figure)
    for first in () if settings.to else folders[:1]:
        problems += check_links(Path(first))
    try:
        frames = load(*folders, columns=parse_columns(settings.columns))
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    if problems:
        raise InputError(problems)
    source = Path(folders[0]).resolve()
    beside = source.parent if source.is_file() else source
    target = Path(settings.to) if settings.to else beside / "figures"
    for problem in frames.problems:
        console.print(f"note: {problem}", soft_wrap=True)
    save_figures(frames, settings, target, console)
    return OK


def check_figure_names(asked: Sequence[str]) -> Iterator[str]:
    """Yield errors in the names of figures."""
    known = figures.list_figures()
    for name in asked:
        if name not in known:
            hint = did_you_mean(name, known)
            yield f"figure: no {name!r}.{hint} There are: {', '.join(known)}."


def save_figures(frames: Frames, settings: FigureSettings, target: Path, console: Console) -> None:
    """Draw and write figures; print a line for each.

    Raises:
        InputError: If the folder cannot be made, or nothing could be drawn.
    """
    refused: list[str] = []
    asked = settings.figure or tuple(figures.list_figures())
    for name in asked:
        try:
            figure = figures.draw(name, frames, accuracies=settings.accuracies)
        except InputError as error:
            refused += error.problems
            console.print(f"left out {error.problems[0]}", soft_wrap=True)
            continue
        make_folder(target)
        for kind in dict.fromkeys(settings.format):
            figures.save(figure, target / f"{name}.{kind}")
        console.print(f"{name}: {', '.join(dict.fromkeys(settings.format))}", soft_wrap=True)
    if len(refused) == len(asked):
        raise InputError(refused)
    drawn = len(asked) - len(refused)
    console.print(f"{drawn} of {len(asked)} figures are in {target}.", soft_wrap=True)


def make_folder(target: Path) -> None:
    """Create a folder if it does not exist.

    Raises:
        InputError: If it cannot be made.
    """
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError([
            f"to: {target} cannot be made ({error.strerror or error}); choose another to=PATH."
        ]) from None


ACTION = with_remote_folders(run_figures)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
