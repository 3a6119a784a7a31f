"""Our cells beside the papers': `python -m analysis.tables FOLDER...`."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field
from rich.console import Console
from rich.text import Text

from analysis.frames import Frames
from analysis.reading import load
from analysis.tables.comparison import Comparison, against_papers
from analysis.tables.papers import PAPERS, SPACES, Source
from analysis.tables.published import sheet, tables
from analysis.tables.sheet import Sheet
from trainables.knobs import knobs
from trainables.problems import InputError, did_you_mean
from trainables.ranges import Folder
from tuner.command import OK, command
from tuner.elsewhere import elsewhere
from tuner.keys import settings_of, vocabulary
from tuner.listing import heading, listing
from tuner.words import CommandLine, parse_command_line

INTRODUCTION = """\
Put the cells of a study beside the numbers that papers published for them, with differences
and what your seeds say of the papers' conclusions; or print what was published.

  python -m analysis.tables results/bag_of_tricks_table4-pgd_at-20261121-083000
  python -m analysis.tables FOLDER OTHER format=latex to=tables.tex
  python -m analysis.tables paper=bag_of_tricks
  python -m analysis.tables table="pas/Table 1"
"""
Name = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class TableSettings:
    """What the command line says of tables.

    Attributes:
        format: For the terminal, or for whom it is written.
        to: A file to write to; the terminal if none.
        table: One table only, PAPER/TABLE.
        paper: One paper only.
    """

    format: Literal["text", "markdown", "latex", "html"] = "text"
    to: Folder | None = None
    table: Name | None = None
    paper: Name | None = None


VOCABULARY = vocabulary(TableSettings, parse=str)


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: The command line without the program.
    """
    parse = partial(parse_command_line, vocabulary=VOCABULARY)
    return command(words, usage, parse, elsewhere(act, brings=False))


def usage(console: Console) -> None:
    """Print how the command is used."""
    console.print(INTRODUCTION)
    heading(console, "Tables", "KEY=VALUE")
    console.print(listing(knobs(TableSettings), ""))
    console.print(f"\nPapers: {', '.join(PAPERS)}.", soft_wrap=True)
    console.print(f"Spaces that are tables: {', '.join(SPACES)}.", soft_wrap=True)


def act(line: CommandLine, console: Console) -> int:
    """Check the command, then print; return its exit status.

    Raises:
        InputError: If anything is wrong with it.
    """
    folders = line.folders
    settings, problems = settings_of(line, TableSettings)
    problems += [*unknown(settings), *unwritable(settings)]
    sheets, said = list[Sheet](), list[str]()
    try:
        sheets, said = beside(folders, settings) if folders else (alone(settings), [])
    except InputError as error:
        problems += error.each
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    show(sheets, settings, console)
    for text in said:
        console.print(text, soft_wrap=True)
    return OK


def unknown(settings: TableSettings) -> Iterator[str]:
    """Yield what is wrong with the names of a paper and of a table."""
    if settings.paper and settings.paper not in PAPERS:
        close = did_you_mean(settings.paper, PAPERS)
        yield f"paper: no such paper.{close} There are: {', '.join(PAPERS)}."
    if settings.paper and settings.table and not settings.table.startswith(f"{settings.paper}/"):
        yield f"table: {settings.table} is not of paper={settings.paper}; give one of the two."
    there = {str(source) for source in (*tables(), *SPACES.values())}
    if settings.table and settings.table not in there:
        close = did_you_mean(settings.table, there)
        yield f"table: there is no {settings.table}.{close} Write table=PAPER/TABLE."


def unwritable(settings: TableSettings) -> Iterator[str]:
    """Yield why a file cannot be written, if it cannot."""
    if settings.to is None:
        return
    target = Path(settings.to)
    if target.is_dir() or not target.parent.is_dir():
        yield f"to: expected a file in a folder that there is, got {target}."
    if settings.format == "text":
        yield "to: goes with format=markdown, latex or html."


def wanted(source: Source | None, settings: TableSettings) -> bool:
    """Return whether a table is asked for."""
    if settings.table and str(source) != settings.table:
        return False
    return not settings.paper or (source is not None and source.paper == settings.paper)


def alone(settings: TableSettings) -> list[Sheet]:
    """Return published tables.

    Raises:
        InputError: If none is asked for, or there are no numbers of it.
    """
    if not settings.paper and not settings.table:
        raise InputError([
            "FOLDER: expected a results folder, paper=PAPER or table=PAPER/TABLE, got none."
        ])
    found = [source for source in tables() if wanted(source, settings)]
    if not found and not any(unknown(settings)):
        raise InputError([f"table: no numbers of {settings.table} are published."])
    return [sheet(source) for source in found]


def beside(folders: Sequence[str], settings: TableSettings) -> tuple[list[Sheet], list[str]]:
    """Return studies beside the tables that they are runs of, and what else there is to say.

    Raises:
        InputError: If no study is one of those asked for.
    """
    frames = load(*folders)
    compared = against_papers(frames)
    found = [each for each in compared if wanted(each.source, settings)]
    said = [*frames.problems, *without(frames, compared)]
    if not found:
        raise InputError([*said, *([] if said else ["table: no study given is a run of it."])])
    return [each.sheet for each in found], said


def without(frames: Frames, compared: Sequence[Comparison]) -> Iterator[str]:
    """Yield the studies that there is nothing published for."""
    done = {name for each in compared for name in each.studies}
    for name, study in frames.studies.items():
        if name not in done:
            yield (
                f"{name}: space {study.said.get('space', '?')} is no table of a paper, and no "
                f"trial has just the settings of a published row. Tables are: {', '.join(SPACES)}."
            )


def show(sheets: Sequence[Sheet], settings: TableSettings, console: Console) -> None:
    """Print tables, or write them to a file.

    Raises:
        InputError: If the file cannot be written after all.
    """
    if settings.format == "text":
        for each in sheets:
            for part in each.text():
                console.print(part, soft_wrap=isinstance(part, Text))
            console.print()
        return
    text = "\n".join(getattr(each, settings.format)() for each in sheets)
    if settings.to is None:
        console.print(text, soft_wrap=True, end="")
        return
    try:
        Path(settings.to).write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError([f"to: {settings.to} cannot be written ({error.strerror})."]) from None
    console.print(f"Wrote {settings.to}.", soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
