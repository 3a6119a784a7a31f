"""Compare results with the papers' tables: `python -m analysis.tables FOLDER...`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from analysis.commands.tables import COMMAND, TableSettings
from analysis.frames import Frames
from analysis.loading import load
from analysis.tables.comparison import PaperComparison, compare_with_papers
from analysis.tables.papers import PAPERS, SPACE_TABLES, PaperTable
from analysis.tables.published import build_published_table, list_tables
from analysis.tables.text_table import TextTable
from trainables.errors import InputError, did_you_mean
from tuner.cli.command import OK
from tuner.cli.parse import CommandLine
from tuner.cli.run import run_command
from tuner.cli.schema import settings_of
from tuner.cli.values import parse_columns
from tuner.storage.remote_folders import with_remote_folders


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: The command line without the program.
    """
    return run_command(words, COMMAND, ACTION)


def run_tables(line: CommandLine, console: Console) -> int:
    """Check the command, then print; return its exit status.

    Raises:
        InputError: If anything is wrong with it.
    """
    folders = line.folders
    settings, problems = settings_of(line, TableSettings)
    problems += [*check_names(settings), *check_target(settings)]
    sheets, lines = list[TextTable](), list[str]()
    try:
        sheets, lines = (
            compare_folders(folders, settings) if folders else (load_published_tables(settings), [])
        )
    except InputError as error:
        problems += error.problems
    if problems:
        raise InputError(list(dict.fromkeys(problems)))
    print_tables(sheets, settings, console)
    for text in lines:
        console.print(text, soft_wrap=True)
    return OK


def check_names(settings: TableSettings) -> Iterator[str]:
    """Yield errors in the names of a paper and of a table."""
    if settings.paper and settings.paper not in PAPERS:
        close = did_you_mean(settings.paper, PAPERS)
        yield f"paper: no such paper.{close} There are: {', '.join(PAPERS)}."
    if settings.paper and settings.table and not settings.table.startswith(f"{settings.paper}/"):
        yield f"table: {settings.table} is not of paper={settings.paper}; give one of the two."
    there = {str(source) for source in (*list_tables(), *SPACE_TABLES.values())}
    if settings.table and settings.table not in there:
        close = did_you_mean(settings.table, there)
        yield f"table: there is no {settings.table}.{close} Write table=PAPER/TABLE."


def check_target(settings: TableSettings) -> Iterator[str]:
    """Yield why a file cannot be written, if it cannot."""
    if settings.to is None:
        return
    target = Path(settings.to)
    if target.is_dir() or not target.parent.is_dir():
        yield f"to: expected a file in a folder that there is, got {target}."
    if settings.format == "text":
        yield "to: goes with format=markdown, latex or html."


def is_selected(source: PaperTable | None, settings: TableSettings) -> bool:
    """Return whether the command selects a table."""
    if settings.table and str(source) != settings.table:
        return False
    return not settings.paper or (source is not None and source.paper == settings.paper)


def load_published_tables(settings: TableSettings) -> list[TextTable]:
    """Return published tables.

    Raises:
        InputError: If no table is requested, or there are no numbers of it.
    """
    if not settings.paper and not settings.table:
        raise InputError([
            "FOLDER: expected a results folder, paper=PAPER or table=PAPER/TABLE, got none."
        ])
    found = [source for source in list_tables() if is_selected(source, settings)]
    if not found and not any(check_names(settings)):
        raise InputError([f"table: no numbers of {settings.table} are published."])
    return [build_published_table(source) for source in found]


def compare_folders(
    folders: Sequence[str], settings: TableSettings
) -> tuple[list[TextTable], list[str]]:
    """Return comparisons of studies with their published tables, and messages to print.

    Raises:
        InputError: If no study is one of those asked for.
    """
    frames = load(*folders, columns=parse_columns(settings.columns))
    compared = compare_with_papers(frames)
    found = [each for each in compared if is_selected(each.source, settings)]
    lines = [*frames.problems, *list_unmatched(frames, compared)]
    if not found:
        raise InputError([*lines, *([] if lines else ["table: no study given is a run of it."])])
    return [each.table for each in found], lines


def list_unmatched(frames: Frames, compared: Sequence[PaperComparison]) -> Iterator[str]:
    """Yield the studies without published numbers."""
    done = {name for each in compared for name in each.studies}
    for name, study in frames.studies.items():
        if name not in done:
            yield (
                f"{name}: space {study.description.get('space', '?')} is no table of a paper, and "
                "no trial has just the settings of a published row. "
                f"Tables are: {', '.join(SPACE_TABLES)}."
            )


def print_tables(sheets: Sequence[TextTable], settings: TableSettings, console: Console) -> None:
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


ACTION = with_remote_folders(run_tables, upload_results=False)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
