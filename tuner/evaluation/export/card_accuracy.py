"""Accuracies of evaluations in a model card: tables, and entries of the Hub's `model-index`."""

from collections.abc import Iterator

import pandas as pd

from tuner.cli.format import format_percent
from tuner.evaluation import table
from tuner.evaluation.export.markdown import render_table
from tuner.evaluation.export.winner import Winner, failed_checks, first_settings, format_radius
from tuner.storage.frames import Row

HUB_NAMES = {
    "cifar10": "uoft-cs/cifar10",
    "cifar100": "uoft-cs/cifar100",
    "fashion_mnist": "zalando-datasets/fashion_mnist",
    "imagenet": "ILSVRC/imagenet-1k",
    "mnist": "ylecun/mnist",
    "mnist5k": "ylecun/mnist",
    "svhn": "ufldl-stanford/svhn",
}
"""Data sets by the name of their member to their name on the Hub."""


def build_hub_result(rows: pd.DataFrame) -> dict[str, object]:
    """Return the entry of an evaluation in the `model-index` of the Hub."""
    about = first_settings(rows)
    data, budget = about["data"]["name"], f"{about['norm']} eps {format_radius(about['eps'])}"
    lowest = min(rows.to_dict("records"), key=lambda row: row["robust_accuracy"])
    accuracies = {
        f"clean accuracy (%), {about['images']} images": rows["clean_accuracy"].iloc[0],
        f"robust accuracy (%), {budget}, {format_attacks(lowest)}": lowest["robust_accuracy"],
    }
    metrics = [
        {"type": "accuracy", "name": name, "value": round(100 * float(value), 2)}
        for name, value in accuracies.items()
    ]
    return {
        "task": {"type": "image-classification"},
        "dataset": {"name": data, "type": HUB_NAMES.get(data, data), "split": "test"},
        "metrics": metrics,
    }


def render_test_accuracy(winner: Winner) -> Iterator[str]:
    """Yield a table per evaluation, or a sentence that there is none."""
    if not winner.evaluations:
        given = winner.to_evaluate
        yield (
            "No test number exists: the network has not been attacked on the test split. "
            f"Run `attuner evaluate {given}`, then `attuner export {given}` again."
        )
    for rows in winner.evaluations:
        yield render_evaluation_heading(rows)
        yield render_table(
            ("attack", "together with", "robust %", "95 % interval"),
            [
                (row["attack"], row["after"].replace(",", ", "), *format_accuracy_interval(row))
                for row in rows.to_dict("records")
            ],
        )
        for check in failed_checks(rows):
            yield f"Sanity check failed: {check}."


def render_evaluation_heading(rows: pd.DataFrame) -> str:
    """Return the threat, the images and the clean accuracy of an evaluation."""
    about, first = first_settings(rows), rows.iloc[0]
    number = int(first["n"])
    low, high = table.wilson_interval(round(first["clean_accuracy"] * number), number)
    mixed = "" if about["precision"] == "fp32" else f", attacked in {about['precision']}"
    clean = format_percent(first["clean_accuracy"])
    return (
        f"{about['norm']} eps {format_radius(about['eps'])}, {number} test images of "
        f"{about['data']['name']}{mixed}: clean accuracy {clean} % "
        f"[{format_percent(low)}, {format_percent(high)}]."
    )


def format_accuracy_interval(row: Row) -> tuple[str, str]:
    """Return the robust accuracy of a row and its interval, both in percent."""
    interval = f"[{format_percent(row['low'])}, {format_percent(row['high'])}]"
    return format_percent(row["robust_accuracy"]), interval


def format_attacks(row: Row) -> str:
    """Return the attacks of which a row is the worst case."""
    return ", ".join(filter(None, [*row["after"].split(","), row["attack"]]))
