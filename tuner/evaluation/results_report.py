"""Print the results of an evaluation."""

from collections.abc import Iterator
from statistics import mean, stdev

import pandas as pd
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tuner.cli.console import print_table
from tuner.commands.evaluate import ORACLE
from tuner.evaluation import table
from tuner.evaluation.prepare import Evaluation


def print_results(console: Console, frame: pd.DataFrame, evaluation: Evaluation) -> None:
    """Print the results of each checkpoint and the failed sanity checks."""
    for (trial, rule), rows in frame.groupby(["trial_id", "rule"], sort=False):
        title = format_title(str(trial), str(rule), rows)
        print_table(console, build_evaluation_table(title, rows, each=evaluation.settings.each))
        targeted = rows[rows["target_success"].notna()]
        for attack, share in zip(targeted["attack"], targeted["target_success"], strict=True):
            console.print(f"{attack}: {100 * share:.1f} % are classified as the target class.")
        for text in dict.fromkeys(t for audit in rows["audit"] for t in audit.split("; ") if t):
            console.print(f"sanity check failed: {text}.", soft_wrap=True)
    for line in format_conclusions(frame, evaluation):
        console.print(line, soft_wrap=True)
    console.print(f"Rows are in {evaluation.folder / table.FILE}.", soft_wrap=True)


def format_title(trial: str, rule: str, rows: pd.DataFrame) -> str:
    """Return the title of the table of a checkpoint."""
    first = rows.iloc[0]
    low, high = table.wilson_interval(round(first["clean_accuracy"] * first["n"]), int(first["n"]))
    return (
        f"{f'Trial {trial}' if trial else first['checkpoint']}, {rule}: {first['norm']} eps "
        f"{first['eps']:.4g}, {first['n']} test images, "
        f"clean {100 * first['clean_accuracy']:.1f} % [{100 * low:.1f}, {100 * high:.1f}]"
    )


def build_evaluation_table(title_text: str, rows: pd.DataFrame, *, each: bool) -> Table:
    """Return the table of one checkpoint, a row for each attack."""
    result = Table(title=Text(title_text), title_justify="left", box=None, pad_edge=False)
    worst = "alone %" if each else "worst case %"
    for heading in ("attack", "attacked", "misclassified", worst, "95 % interval", "seconds"):
        result.add_column(heading, justify="left" if heading == "attack" else "right")
    for row in rows.to_dict("records"):
        result.add_row(
            Text(row["attack"]),
            str(row["attacked"]),
            str(row["fooled"]),
            f"{100 * row['robust_accuracy']:.1f}",
            f"[{100 * row['low']:.1f}, {100 * row['high']:.1f}]",
            f"{row['seconds']:.1f}",
        )
    return result


def format_conclusions(frame: pd.DataFrame, evaluation: Evaluation) -> Iterator[str]:
    """Yield the mean over seeds, and the result of the oracle rule."""
    worst = {
        f"trial {trial}, {rule}": float(rows["robust_accuracy"].min())
        for (trial, rule), rows in frame.groupby(["trial_id", "rule"], sort=False)
    }
    if evaluation.settings.seeds and len(worst) > 1:
        accuracies = list(worst.values())
        yield (
            f"Over {len(worst)} seeds: robust {100 * mean(accuracies):.1f} "
            f"± {100 * stdev(accuracies):.1f} %."
        )
    if ORACLE in evaluation.settings.rules:
        best = max(worst, key=lambda name: worst[name])
        yield f"Oracle, which chooses by the test split: {best}, {100 * worst[best]:.1f} %."
