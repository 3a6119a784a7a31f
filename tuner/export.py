"""Export the winner of a search for publication: `python -m tuner.export FOLDER`."""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import yaml
from pydantic import Field
from rich.console import Console
from safetensors.torch import load_file, save_file

from trainables.errors import InputError
from trainables.hparams.knobs import check_value, read_knobs
from trainables.hparams.ranges import PathText, absolute_path
from trainables.hparams.trusted_code import trust_files
from trainables.training.checkpoint import WEIGHTS_FILE
from trainables.training.weights import read_metadata
from tuner.cli.command import OK, run_command
from tuner.cli.help import build_knob_table, print_heading
from tuner.cli.parse import CommandLine, check_key, split_folders
from tuner.cli.schema import build_vocabulary, settings_of
from tuner.cli.values import TrustedFiles
from tuner.evaluation.export.model_card import render_card
from tuner.evaluation.export.robustbench import build_model_info, find_entry_path
from tuner.evaluation.export.winner import Winner, read_winner
from tuner.storage.remote_folders import with_remote_folders

INTRODUCTION = """\
Write the winner of a finished search to a new folder: weights, configuration,
model card and RobustBench entry.

  python -m tuner.export results/weight_decay-pgd_at-20261121-083000
  python -m tuner.export FOLDER to=released name="A title" authors="Ann Lee"
"""
NonEmptyText = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Keys of the command.

    Attributes:
        to: New folder; default: FOLDER/export.
        name: Title of the paper.
        authors: Authors of the paper.
        venue: Venue and year, for example "ICLR 2021".
        link: Address of the paper.
        trust: Python file that defines the network and may run, if the results name one.
    """

    to: PathText | None = None
    name: NonEmptyText = ""
    authors: NonEmptyText = ""
    venue: NonEmptyText = ""
    link: NonEmptyText = ""
    trust: TrustedFiles = ()


VOCABULARY = build_vocabulary(ExportSettings)


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: Command line without the program.
    """
    return run_command(words, print_usage, parse, with_remote_folders(export, upload_results=False))


def print_usage(console: Console) -> None:
    """Print the help text."""
    console.print(INTRODUCTION)
    print_heading(console, "Export", "KEY=VALUE")
    console.print(build_knob_table(read_knobs(ExportSettings), ""))


def export(line: CommandLine, console: Console) -> int:
    """Write the export and print its missing parts; return the exit status.

    Raises:
        InputError: If an argument is invalid.
    """
    folders, (settings, problems) = line.folders, settings_of(line, ExportSettings)
    if len(folders) != 1:
        given = ", ".join(folders) or "none"
        problems += [f"FOLDER: expected the results folder of one search, got {given}."]
        raise InputError(problems)
    folder = absolute_path(folders[0])
    target = Path(settings.to) if settings.to else folder / "export"
    problems += check_target_writable(target)
    try:
        with trust_files(settings.trust):
            winner = read_winner(folder)
    except InputError as error:
        raise InputError([*problems, *error.problems]) from None
    if problems:
        raise InputError(problems)
    about = {key: value for key, value in asdict(settings).items() if key not in {"to", "trust"}}
    entry = build_model_info(winner, about)
    write_folder(
        target,
        winner,
        {"README.md": render_card(winner, target.name, about), **render_files(winner, entry)},
    )
    console.print(f"Exported trial {winner.metrics['trial_id']} to {target}.", soft_wrap=True)
    for text in list_missing_parts(winner, entry):
        console.print(text, soft_wrap=True)
    return OK


def parse(words: Sequence[str]) -> CommandLine:
    """Parse the command line; each value stays a text."""
    given, problems, known = dict[str, str](), list[str](), read_knobs(ExportSettings)
    folders, others = split_folders(words)
    for key, _, text in (word.partition("=") for word in others):
        if complaint := check_key(key, VOCABULARY):
            problems.append(complaint)
        elif not text.strip():
            problems.append(f"{key}: expected a value after the equals sign, got none.")
        elif complaints := list(check_value(key, known[key], " ".join(text.split()))):
            problems += complaints
        else:
            given[key] = " ".join(text.split())
    return CommandLine(
        words=tuple(words), folders=tuple(folders), arguments=given, problems=tuple(problems)
    )


def check_target_writable(target: Path) -> Iterator[str]:
    """Yield why a folder cannot be created."""
    if os.path.lexists(target):
        yield f"to: {target} exists; move it away or choose another to=PATH."
        return
    above = nearest_existing_folder(target)
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        yield f"to: {above} is no folder that can be written to; choose another to=PATH."


def nearest_existing_folder(target: Path) -> Path:
    """Return the nearest existing parent of `target`."""
    return next(parent for parent in target.parents if os.path.lexists(parent))


def render_files(winner: Winner, entry: Mapping[str, object]) -> dict[str, str]:
    """Return the text of the machine-readable files by name."""
    return {
        "config.yaml": yaml.safe_dump(winner.config, sort_keys=False),
        "model_info.json": json.dumps(entry, indent=2, ensure_ascii=False) + "\n",
    }


def write_folder(target: Path, winner: Winner, texts: Mapping[str, str]) -> None:
    """Write a folder atomically: under a hidden name in the same parent, then renamed.

    Args:
        target: New folder; missing parents are created.
        winner: Source of the weights.
        texts: Contents of the other files by name.

    Raises:
        InputError: If the folder cannot be written.
    """
    above = nearest_existing_folder(target)
    inside = target.relative_to(above)
    try:
        with TemporaryDirectory(dir=above, prefix=".export-") as hidden:
            new = Path(hidden) / inside
            new.mkdir(parents=True)
            for name, text in texts.items():
                (new / name).write_text(text, encoding="utf-8")
            copy_weights(winner, new)
            (Path(hidden) / inside.parts[0]).rename(above / inside.parts[0])
    except OSError as error:
        raise InputError([
            f"to: {target} cannot be written ({error.strerror or error}); choose another to=PATH."
        ]) from None


def copy_weights(winner: Winner, folder: Path) -> None:
    """Copy the weights, and the user-supplied file that defines the network if there is one."""
    if winner.source is None:
        shutil.copyfile(winner.weights, folder / WEIGHTS_FILE)
        return
    shutil.copyfile(winner.source, folder / winner.source.name)
    about = read_metadata(winner.weights)
    about["model"] = {**about["model"], "name": winner.source.name}
    metadata = {key: json.dumps(value) for key, value in about.items()}
    save_file(load_file(winner.weights), folder / WEIGHTS_FILE, metadata=metadata)


def list_missing_parts(winner: Winner, entry: Mapping[str, object]) -> Iterator[str]:
    """Yield what the export lacks, and what to type."""
    if winner.n_other_rows:
        yield (
            f"Left out {winner.n_other_rows} rows of evaluation.parquet: they evaluate other "
            "weights than those in best/."
        )
    if not winner.evaluations:
        yield f"No test number exists; python -m tuner.evaluate {winner.folder} computes them."
    if (board := find_entry_path(winner)) is None:
        yield "RobustBench has no board for this data set and threat."
        return
    yield f"RobustBench keeps model_info.json as {board}."
    if "autoattack_acc" not in entry:
        yield (
            "model_info.json lacks autoattack_acc; python -m tuner.evaluate "
            f"{winner.folder} suite=autoattack measures it."
        )
    if lacking := [key for key in ("name", "authors", "venue", "link") if not entry[key]]:
        yield f"model_info.json lacks {', '.join(lacking)}; write {lacking[0]}=... and so on."


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
