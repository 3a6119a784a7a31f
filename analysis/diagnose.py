"""Measure properties of checkpoints: `python -m analysis.diagnose FOLDER`."""

import sys
from collections.abc import Iterator, Sequence

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from analysis.commands.diagnose import (
    COMMAND,
    DiagnosisSettings,
    compares_networks,
    draws_picture,
)
from analysis.diagnostics import _table
from analysis.diagnostics._prepare import Diagnosis, prepare_diagnosis
from analysis.diagnostics._run import DiagnosisRunner
from trainables.hparams.knobs import read_knobs
from trainables.hparams.trusted_code import find_code_files, trust_files
from trainables.robustness.overfitting_detector import MIN_FGSM_ACCURACY, detect_collapse
from tuner.cli.command import OK
from tuner.cli.console import print_table
from tuner.cli.parse import CommandLine
from tuner.cli.run import run_command
from tuner.storage.remote_folders import with_remote_folders

CHECKPOINT_KEYS = ["study", "trial_id", "rule"]


def main(words: Sequence[str]) -> int:
    """Run the command; return its exit status.

    Args:
        words: The command line without the program.
    """
    return run_command(words, COMMAND, ACTION)


def diagnose(line: CommandLine, console: Console) -> int:
    """Check the command, then measure; return its exit status.

    Raises:
        InputError: If the command line is invalid.
    """
    with trust_files(find_code_files(line.arguments)):
        diagnosis = prepare_diagnosis(line.folders, line.arguments, line.problems)
        images, split = diagnosis.settings.images, diagnosis.settings.split
        if images < DiagnosisSettings.images and "images" not in line.arguments:
            console.print(f"images: the {split} split has {images}; all of them are used.")
        for note in (note for each in diagnosis.checkpoints for note in each.checkpoint.notes):
            console.print(note, soft_wrap=True)
        run = DiagnosisRunner(diagnosis, console)
        rows = [row for subject in diagnosis.checkpoints for row in run.measure_checkpoint(subject)]
    print_results(console, pd.DataFrame(rows, columns=list(_table.COLUMNS)), diagnosis)
    return OK


def print_results(console: Console, frame: pd.DataFrame, diagnosis: Diagnosis) -> None:
    """Print the results of each checkpoint, and where they are stored."""
    pairs = (
        frame["measure"]
        .map({name: compares_networks(name) for name in diagnosis.measures})
        .astype(bool)
    )
    threat, settings = diagnosis.groups["threat"], diagnosis.settings
    on = f"{threat['name']} eps {diagnosis.threat.eps:.4g}, {settings.images} {settings.split}"
    for (study, trial, rule), some in frame[~pairs].groupby(CHECKPOINT_KEYS, sort=False):
        name = f"{study}, trial {trial}, {rule}" if trial else str(study)
        console.print(f"{name}: {on} images", soft_wrap=True)
        print_table(console, build_quantity_table(some))
        for line in list_conclusions(some):
            console.print(line, soft_wrap=True)
    for _, some in frame[pairs].groupby("measure", sort=False):
        console.print(f"Transfer, accuracy %: {on} images", soft_wrap=True)
        print_table(console, build_transfer_table(some))
    for folder in dict.fromkeys(subject.folder for subject in diagnosis.checkpoints):
        console.print(f"Rows are in {folder / _table.TABLE_FILE}.", soft_wrap=True)
    if any(map(draws_picture, diagnosis.measures)):
        console.print(f"Pictures are in {_table.PICTURE_FOLDER}/ beside them.", soft_wrap=True)


def build_quantity_table(rows: pd.DataFrame) -> Table:
    """Return the quantities of one checkpoint: means over seeds, and both deviations."""
    result = Table(box=None, pad_edge=False)
    result.add_column("measure", no_wrap=True)
    for heading in ("mean", "± images", "± seeds", "n", "seeds", "seconds"):
        result.add_column(heading, justify="right", no_wrap=True)
    for measure, some in rows.groupby("measure", sort=False):
        seconds = some.drop_duplicates("key")["seconds"].sum()
        result.add_row(Text(str(measure), style="bold"), *[""] * 5, f"{seconds:.1f}")
        for quantity, each in some.groupby("quantity", sort=False):
            numbers = (each["value"].mean(), each["std"].mean(), each["value"].std())
            result.add_row(
                Text(f"  {quantity}"),
                *(format_quantity(number, str(quantity)) for number in numbers),
                f"{each['n'].mean():.0f}",
                str(len(each)),
            )
    return result


def format_quantity(number: float, quantity: str) -> str:
    """Return a number for a table: an accuracy in percent, a missing value as an empty string.

    >>> format_quantity(0.5, "pgd_accuracy"), format_quantity(0.5, "alignment")
    ('50.0 %', '0.5')
    >>> format_quantity(float("nan"), "loss")
    ''
    """
    if pd.isna(number):
        return ""
    return f"{100 * number:.1f} %" if "accuracy" in quantity else f"{number:.4g}"


def build_transfer_table(rows: pd.DataFrame) -> Table:
    """Return a measure of several networks as a matrix: source network by target network."""
    result = Table(box=None, pad_edge=False)
    result.add_column("crafted on")
    asked = list(dict.fromkeys(rows["quantity"]))
    for quantity in asked:
        result.add_column(quantity.removeprefix("accuracy of "), justify="right")
    for (study, trial, rule), each in rows.groupby(CHECKPOINT_KEYS, sort=False):
        last = " (last)" if rule == "last_epoch" else ""
        cells = [each.loc[each["quantity"] == quantity, "value"] for quantity in asked]
        shares = (f"{100 * c.mean():.1f}" + f" ± {100 * c.std():.1f}" * (len(c) > 1) for c in cells)
        result.add_row(Text(f"{study}/{trial}{last}"), *shares)
    return result


def list_conclusions(rows: pd.DataFrame) -> Iterator[str]:
    """Yield a line if a checkpoint has overfitted, by the criterion of the overfitting detector."""
    means = rows.groupby("quantity")["value"].mean()
    if not {"fgsm_accuracy", "pgd_accuracy"} <= set(means.index):
        return
    one, several = means["fgsm_accuracy"], means["pgd_accuracy"]
    share = read_knobs(detect_collapse)["share"].default
    if one >= MIN_FGSM_ACCURACY and several < share * one:
        yield (
            f"Catastrophic overfitting: accuracy under FGSM {100 * one:.1f} %, under PGD "
            f"{100 * several:.1f} %."
        )


ACTION = with_remote_folders(diagnose)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
