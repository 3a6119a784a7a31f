"""Export the winner of a search for publication: `attuner export FOLDER`."""

import json
import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from rich.console import Console
from safetensors.torch import load_file, save_file

from trainables.errors import InputError
from trainables.hparams.ranges import absolute_path
from trainables.hparams.trusted_code import find_code_files, trust_files
from trainables.training.checkpoint import WEIGHTS_FILE
from trainables.training.weights import read_metadata
from tuner.cli.command import OK
from tuner.cli.parse import CommandLine
from tuner.cli.run import run_command
from tuner.cli.schema import settings_of
from tuner.commands.evaluate import TRIAL_GROUPS
from tuner.commands.export import COMMAND, ExportSettings
from tuner.evaluation.export.given_weights import convert_given_weights, read_given_weights
from tuner.evaluation.export.model_card import render_card
from tuner.evaluation.export.robustbench import build_model_info, find_entry_path
from tuner.evaluation.export.winner import Winner, read_winner
from tuner.storage.remote_folders import with_remote_folders

WITH_WEIGHTS = {"results", *TRIAL_GROUPS}
"""Keys that describe the file of `weights=`."""


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: Command line without the program.
    """
    return run_command(words, COMMAND, ACTION)


def export(line: CommandLine, console: Console) -> int:
    """Write the export and print its missing parts; return the exit status.

    Raises:
        InputError: If an argument is invalid.
    """
    folders, (settings, problems) = line.folders, settings_of(line, ExportSettings)
    if settings.weights or "weights" in line.arguments:
        return export_given_weights(line, settings, problems, console)
    problems += [f"{key}: goes with weights=." for key in line.arguments.keys() & WITH_WEIGHTS]
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
    export_network(winner, f"trial {winner.metrics['trial_id']}", target, settings, console)
    return OK


def export_given_weights(
    line: CommandLine, settings: ExportSettings, problems: Sequence[str], console: Console
) -> int:
    """Write the export of weights of other software; return the exit status.

    Raises:
        InputError: If an argument is invalid, or the weights do not fit.
    """
    problems = list(problems)
    problems += [f"{folder}: give a folder or weights=, not both." for folder in line.folders[:1]]
    if problems:
        raise InputError(problems)
    file, results = Path(str(settings.weights)), settings.results
    with trust_files([*settings.trust, *find_code_files(line.arguments)]):
        given = read_given_weights(file, line.arguments, Path(results) if results else None)
        target = Path(settings.to) if settings.to else given.evaluations / "export"
        if problems := list(check_target_writable(target)):
            raise InputError(problems)
        with TemporaryDirectory() as folder:
            winner, notes = convert_given_weights(given, Path(folder))
            for note in notes:
                console.print(note, soft_wrap=True)
            export_network(winner, file.name, target, settings, console)
    return OK


def export_network(
    winner: Winner, title: str, target: Path, settings: ExportSettings, console: Console
) -> None:
    """Write the export and print its missing parts.

    Args:
        winner: Network to export.
        title: What to call it in the message.
        target: New folder.
        settings: Keys of the command.
        console: Console that shows the output.

    Raises:
        InputError: If the folder cannot be written.
    """
    about = {key: getattr(settings, key) for key in ("name", "authors", "venue", "link")}
    entry = build_model_info(winner, about)
    write_folder(
        target,
        winner,
        {"README.md": render_card(winner, target.name, about), **render_files(winner, entry)},
    )
    console.print(f"Exported {title} to {target}.", soft_wrap=True)
    for text in list_missing_parts(winner, entry):
        console.print(text, soft_wrap=True)


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
            "weights than those that are exported."
        )
    given = str(winner.folder) if winner.is_of_search else winner.to_evaluate
    if not winner.evaluations:
        yield f"No test number exists; attuner evaluate {given} computes them."
    if (board := find_entry_path(winner)) is None:
        yield "RobustBench has no board for this data set and threat."
        return
    yield f"RobustBench keeps model_info.json as {board}."
    if "autoattack_acc" not in entry:
        yield (
            "model_info.json lacks autoattack_acc; attuner evaluate "
            f"{given} suite=autoattack measures it."
        )
    if lacking := [key for key in ("name", "authors", "venue", "link") if not entry[key]]:
        yield f"model_info.json lacks {', '.join(lacking)}; write {lacking[0]}=... and so on."


ACTION = with_remote_folders(export, upload_results=False)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
