"""Draw the figures of studies: `python -m analysis.figures FOLDER...`."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from rich.console import Console
from rich.text import Text

from analysis import figures
from analysis.figures._accuracies import AccuracySource
from analysis.frames import Frames
from analysis.loading import load
from trainables.errors import InputError, did_you_mean
from trainables.hparams.knobs import read_knobs
from trainables.hparams.ranges import PathText
from tuner.cli.command import OK, run_command
from tuner.cli.help import build_knob_table, print_heading
from tuner.cli.parse import CommandLine, parse_command_line
from tuner.cli.schema import build_vocabulary, settings_of
from tuner.cli.values import CommaList, OptionalCommaList
from tuner.storage.remote_folders import with_remote_folders
from tuner.storage.safe_files import check_links

INTRODUCTION = """\
Draw figures of one or several studies. Figures for which the studies lack data are left out.

  python -m analysis.figures results/weight_decay-pgd_at-20261121-083000
  python -m analysis.figures FOLDER FOLDER figure=clean_robust,rungs format=svg
"""
FileFormat = Literal["pdf", "svg", "png"]


@dataclass(frozen=True, kw_only=True)
class FigureSettings:
    """Settings of figures.

    Attributes:
        figure: Figures, separated by commas; empty: all.
        to: Output folder; `None`: FOLDER/figures of the first FOLDER. Existing files of the same
            name are overwritten.
        format: Formats of the files, separated by commas.
        accuracies: "evaluation" takes the test split under the attacks of tuner.evaluate.
    """

    figure: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], OptionalCommaList] = ()
    to: PathText | None = None
    format: Annotated[tuple[FileFormat, ...], CommaList, Field(min_length=1)] = ("pdf", "png")
    accuracies: AccuracySource = "validation"


VOCABULARY = build_vocabulary(FigureSettings)


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: The command line without the program.
    """
    farewell = "Interrupted; what was drawn so far is kept."
    parse = partial(parse_command_line, vocabulary=VOCABULARY)
    return run_command(
        words, print_usage, parse, with_remote_folders(run_figures), interrupt_message=farewell
    )


def print_usage(console: Console) -> None:
    """Print how the command is used."""
    console.print(INTRODUCTION)
    print_heading(console, "Figures", "figure=NAME,NAME")
    for name in figures.list_figures():
        console.print(Text(f"    {name:<22}{figures.describe_figure(name)}"), soft_wrap=True)
    print_heading(console, "Keys", "KEY=VALUE")
    console.print(build_knob_table(read_knobs(FigureSettings), ""))


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
        frames = load(*folders)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    if problems:
        raise InputError(problems)
    target = Path(settings.to) if settings.to else Path(folders[0]).resolve() / "figures"
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
