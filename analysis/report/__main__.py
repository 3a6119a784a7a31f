"""Write one page about studies, or show a running one: `python -m analysis.report FOLDER...`."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from analysis.commands.report import COMMAND, ReportSettings
from analysis.loading import load
from analysis.report.page import render_page
from analysis.report.ranking import build_ranking
from analysis.report.server import serve
from trainables.errors import InputError
from trainables.hparams.ranges import absolute_path
from tuner.cli.command import OK
from tuner.cli.parse import CommandLine
from tuner.cli.run import run_command
from tuner.cli.schema import settings_of
from tuner.cli.values import parse_columns
from tuner.storage.remote_folders import with_remote_folders
from tuner.storage.safe_files import write_atomically

REPORT_FILE = "report.html"


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: The command line without the program.
    """
    return run_command(words, COMMAND, ACTION)


def run_report(line: CommandLine, console: Console) -> int:
    """Check the command, then write or serve; return its exit status.

    Raises:
        InputError: If anything is wrong with it.
    """
    folders = line.folders
    settings, problems = settings_of(line, ReportSettings)
    target = Path(settings.to) if settings.to else default_target(Path(*folders[:1]))
    problems += [*check_conflicts(settings), *(check_target(target) if settings.to else ())]
    try:
        frames = load(*folders, columns=parse_columns(settings.columns))
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    if problems:
        raise InputError(problems)
    if settings.live:
        return serve(folders, settings.port, console)
    write_page(target, render_page(frames, build_ranking(frames)))
    for problem in frames.problems:
        console.print(problem, soft_wrap=True)
    console.print(f"Wrote {target}.", soft_wrap=True)
    return OK


def default_target(first: Path) -> Path:
    """Return where the page of a results folder, or of a log, goes if nothing is said."""
    whole = absolute_path(first)
    return (whole.parent if whole.is_file() else whole) / REPORT_FILE


def check_conflicts(settings: ReportSettings) -> Iterator[str]:
    """Yield keys that make no sense together."""
    if settings.live and settings.to:
        yield "to: nothing is written with live=true; leave one of them out."
    if settings.port and not settings.live:
        yield "port: nothing is served without live=true; write it too, or leave port out."


def check_target(target: Path) -> Iterator[str]:
    """Yield why a file cannot be a page, if it cannot."""
    if target.suffix not in {".html", ".htm"}:
        yield f"to: expected a file that ends with .html, got {target}."
    elif target.is_dir():
        yield f"to: expected a file, got the folder {target}."
    elif not target.parent.is_dir():
        yield f"to: there is no folder {target.parent}; make it, or choose another to=FILE."


def write_page(target: Path, text: str) -> None:
    """Write the page, without leaving half a file if that fails.

    Raises:
        InputError: If it cannot be written.
    """
    try:
        write_atomically(target, lambda path: path.write_text(text, encoding="utf-8"))
    except OSError as error:
        raise InputError([
            f"to: {target} cannot be written ({error.strerror}); choose another to=FILE."
        ]) from None


ACTION = with_remote_folders(run_report)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
