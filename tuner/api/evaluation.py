"""Evaluate checkpoints on the test split, for the command line and for Python."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from rich.console import Console

from trainables.hparams.trusted_code import find_code_files, trust_files
from tuner.api.arguments import KNOBS, read_arguments
from tuner.api.result import Result
from tuner.cli.console import SafeConsole
from tuner.cli.parse import CommandLine
from tuner.commands.evaluate import VOCABULARY
from tuner.evaluation import table
from tuner.evaluation.prepare import prepare_evaluation
from tuner.evaluation.ranking import RankingRunner
from tuner.evaluation.ranking_report import report_ranking
from tuner.evaluation.results_report import print_results
from tuner.evaluation.run import EvaluationRunner
from tuner.storage.remote_folders import with_remote_folders


def evaluate(
    result: Result | Path | str | None = None,
    *,
    progress: bool = True,
    knobs: Mapping[str, object] | None = None,
    **keys: object,
) -> pd.DataFrame:
    """Attack checkpoints on the test split; return one row per checkpoint and attack.

    Interrupted, it continues when it is called again. Results that exist already are reused.

    Args:
        result: Results of a study, its folder or its address; `None`: `weights` names a file.
        progress: Whether to show progress and print the results.
        knobs: Further keys, such as those with dots: `{"pgd.steps": 50}`.
        keys: Keys of `python -m tuner.evaluate`: `suite="autoattack"`, `images=1000`.

    Returns:
        The columns of evaluation.parquet; accuracies are fractions. With `rank`, one row per trial
        with its best and worst rank, on the validation split.

    Raises:
        InputError: If any key is invalid, or a checkpoint cannot be read; `problems` has all
            reasons.
    """
    folder, trust = (
        (str(result.folder), result.trust) if isinstance(result, Result) else (result, ())
    )
    line = read_arguments(
        keys | ({KNOBS: knobs} if knobs else {}),
        VOCABULARY,
        folders=() if folder is None else (str(folder),),
    )
    with trust_files(trust):
        return evaluate_command(line, SafeConsole(quiet=not progress))


def evaluate_command(line: CommandLine, console: Console) -> pd.DataFrame:
    """Run an evaluation, print and return its results.

    Args:
        line: The parsed command.
        console: Where to print.

    Raises:
        InputError: If an argument is invalid.
    """
    return with_remote_folders(evaluate_local_folders)(line, console)


def evaluate_local_folders(line: CommandLine, console: Console) -> pd.DataFrame:
    """Run an evaluation of folders of this machine, print and return its results.

    Raises:
        InputError: If an argument is invalid.
    """
    with trust_files(find_code_files(line.arguments)):
        evaluation = prepare_evaluation(line.folders, line.arguments, line.problems)
        for note in evaluation.notes:
            console.print(note, soft_wrap=True)
        if evaluation.settings.rank:
            return report_ranking(evaluation, RankingRunner(evaluation, console).rank(), console)
        runner = EvaluationRunner(evaluation, console)
        rows = [
            row
            for checkpoint in evaluation.checkpoints
            for row in runner.evaluate_checkpoint(checkpoint)
        ]
    frame = pd.DataFrame(rows, columns=list(table.COLUMNS)).astype(table.COLUMNS)
    print_results(console, frame, evaluation)
    return frame
