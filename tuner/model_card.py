"""The model card of an exported network, in the form of the Hugging Face Hub."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tuner import ledger
from tuner.markdown import quoted
from tuner.robustbench import architecture
from tuner.spoken import percent, shown
from tuner.winner import Winner, doubts, radius, settings

HUB = {
    "cifar10": "uoft-cs/cifar10",
    "cifar100": "uoft-cs/cifar100",
    "fashion_mnist": "zalando-datasets/fashion_mnist",
    "imagenet": "ILSVRC/imagenet-1k",
    "mnist": "ylecun/mnist",
    "mnist5k": "ylecun/mnist",
    "svhn": "ufldl-stanford/svhn",
}
"""What the Hub calls data sets."""


def card(winner: Winner, folder: str, about: Mapping[str, str]) -> str:
    """Return the text of README.md.

    Args:
        winner: The network.
        folder: Name of the folder that it is exported to.
        about: The paper's `name`, `authors`, `venue` and `link`, as far as they are known.
    """
    winner = quoting(winner)
    title = about["name"] or winner.folder.name
    front = yaml.safe_dump(front_matter(winner, title), sort_keys=False, allow_unicode=True)
    parts = [
        f"---\n{front}---",
        f"# {title}",
        *introduction(winner, about),
        "## Loading",
        *loading(winner, folder),
        "## Test accuracy",
        *measurements(winner),
        "## Selection",
        selection(winner),
        "## Training",
        *training(winner),
        "## Versions",
        versions(winner.study),
    ]
    return "\n\n".join(parts) + "\n"


def quoting(winner: Winner) -> Winner:
    """Return a winner whose words, which may be a stranger's, do nothing in Markdown."""
    rows = winner.rows
    words = {name: rows[name].map(quoted) for name in ("attack", "after", "audit")}
    given = rows["settings"].map(lambda text: json.dumps(quoted(json.loads(text))))
    said = {name: quoted(getattr(winner, name)) for name in ("config", "metrics", "study")}
    return replace(winner, **said, rows=rows.assign(**words, settings=given))


def front_matter(winner: Winner, title: str) -> dict[str, object]:
    """Return what the Hub files the network under."""
    threat, data = winner.config["threat"]["name"], winner.config["data"]["name"]
    tags = ["adversarial-robustness", "adversarial-training", Path(threat).stem]
    front: dict[str, object] = {
        "library_name": "attuner",
        "pipeline_tag": "image-classification",
        "tags": tags,
        **({"datasets": [HUB[data]]} if data in HUB else {}),
        "metrics": ["accuracy"],
    }
    if results := [result(rows) for rows in winner.evaluations]:
        front["model-index"] = [{"name": title, "results": results}]
    return front


def result(rows: pd.DataFrame) -> dict[str, object]:
    """Return an evaluation as the Hub lists it."""
    about = settings(rows)
    data, budget = about["data"]["name"], f"{about['norm']} eps {radius(about['eps'])}"
    lowest = min(rows.to_dict("records"), key=lambda row: row["robust_accuracy"])
    found = {
        f"clean accuracy (%), {about['images']} images": rows["clean_accuracy"].iloc[0],
        f"robust accuracy (%), {budget}, {attacks(lowest)}": lowest["robust_accuracy"],
    }
    metrics = [
        {"type": "accuracy", "name": name, "value": round(100 * float(value), 2)}
        for name, value in found.items()
    ]
    return {
        "task": {"type": "image-classification"},
        "dataset": {"name": data, "type": HUB.get(data, data), "split": "test"},
        "metrics": metrics,
    }


def introduction(winner: Winner, about: Mapping[str, str]) -> Iterator[str]:
    """Yield what the network is, in a paragraph and a table."""
    config = winner.config
    budget = f"{config['threat']['name']} perturbations of {radius(config['threat']['eps'])}"
    data, (channels, height, width) = config["data"]["name"], winner.shape
    yield (
        f"A classifier of {data}'s images, trained to withstand {budget}: the winner of a "
        "hyperparameter search for adversarial training with attuner."
    )
    if source := ", ".join(about[key] for key in ("authors", "venue", "link") if about[key]):
        yield f"By: {source}."
    network = f"{architecture(config['model'])}, {config['model'].get('activation', 'relu')}"
    ensemble = f", {winner.networks} of them as an ensemble" if winner.networks > 1 else ""
    yield table(
        ("", ""),
        [
            ("threat model", f"{budget} to pixels in [0, 1], by who knows the network (white box)"),
            ("architecture", f"{network}{ensemble}"),
            ("parameters", f"{winner.parameters:,}"),
            ("input", f"{channels} x {height} x {width}, pixels in [0, 1]; normalises itself"),
            ("output", f"logits of {winner.classes} classes"),
            ("data", f"the training split of {data}, no other images"),
            ("method", spelled(config["method"])),
        ],
    )


def loading(winner: Winner, folder: str) -> Iterator[str]:
    """Yield how to load the network."""
    own = f'".", trust=[{json.dumps(winner.source.name)}]' if winner.source else ""
    called = own or f'"{folder}"'
    yield (
        "```python\nfrom trainables.checkpoint import load_model\n\n"
        f"model = load_model({called})  # images (N, C, H, W) in [0, 1] to logits\n```"
    )
    if winner.source:
        yield f"Run this in this folder: `{winner.source.name}` defines the network, as code."


def measurements(winner: Winner) -> Iterator[str]:
    """Yield a table an evaluation, or that there is none."""
    if not winner.evaluations:
        name = winner.folder.name
        yield (
            "No test number exists: nothing has attacked this network on the test split. "
            f"`python -m tuner.evaluate {name}` does, and `python -m tuner.export {name}` then "
            "writes here what came of it."
        )
    for rows in winner.evaluations:
        yield heading(rows)
        yield table(
            ("attack", "together with", "robust %", "95 % interval"),
            [
                (row["attack"], row["after"].replace(",", ", "), *accuracy(row))
                for row in rows.to_dict("records")
            ],
        )
        for doubt in doubts(rows):
            yield f"Doubt: {doubt}."


def heading(rows: pd.DataFrame) -> str:
    """Return what the numbers of an evaluation are of."""
    about, first = settings(rows), rows.iloc[0]
    number = int(first["n"])
    low, high = ledger.interval(round(first["clean_accuracy"] * number), number)
    mixed = "" if about["precision"] == "fp32" else f", attacked in {about['precision']}"
    return (
        f"{about['norm']} eps {radius(about['eps'])}, {number} test images of "
        f"{about['data']['name']}{mixed}: clean accuracy {percent(first['clean_accuracy'])} % "
        f"[{percent(low)}, {percent(high)}]."
    )


def accuracy(row: Mapping[Any, Any]) -> tuple[str, str]:
    """Return the accuracy that a row is about, and its interval."""
    return percent(row["robust_accuracy"]), f"[{percent(row['low'])}, {percent(row['high'])}]"


def attacks(row: Mapping[Any, Any]) -> str:
    """Return the attacks that a row is the worst case of."""
    return ", ".join(filter(None, [*row["after"].split(","), row["attack"]]))


def selection(winner: Winner) -> str:
    """Return how the network was chosen among all that were trained."""
    measured, study = winner.metrics, winner.study.get("study", {})
    bound = winner.config.get("constraint")
    asked = f" The search asked for {bound} on that split." if bound else ""
    return (
        f"Trial {measured['trial_id']} of {study.get('trials', 'several')}, epoch "
        f"{measured['epoch']} of {winner.config.get('epochs', 'several')}: the highest accuracy "
        f"under PGD ({spelled(winner.config.get('exam', {}))}) on a validation split cut from the "
        f"training split, {percent(measured['val_robust_accuracy'])} % "
        f"(clean {percent(measured['val_clean_accuracy'])} %). The highest of many flatters; the "
        f"test split had no part in it.{asked}"
    )


def training(winner: Winner) -> Iterator[str]:
    """Yield what was searched, and every knob that the network was trained with."""
    if knobs := {path: v for path, v in winner.metrics["knobs"].items() if v is not None}:
        ranges = domains(winner.study)
        yield table(
            ("searched", "value", "among"),
            [(path, shown(value), ranges.get(path, "")) for path, value in knobs.items()],
        )
    yield table(
        ("", "everything"),
        [(key, spelled(value)) for key, value in winner.config.items()],
    )
    yield "`config.yaml` holds the same for a program."


def domains(study: Mapping[str, Any]) -> dict[str, Any]:
    """Return what each searched knob was drawn from, in any variant of the study."""
    variants = study.get("variants", {"": study}).values()
    return {path: domain for each in variants for path, domain in each["searched"].items()}


def spelled(value: object) -> str:
    """Return the name of a group and its knobs, or a value, in a line.

    >>> spelled({"name": "pgd", "steps": 10, "step_size": None}), spelled(7)
    ('pgd: steps 10, step_size none', '7')
    """
    if not isinstance(value, Mapping):
        return str(value).lower() if value is None or isinstance(value, bool) else str(value)
    knobs = ", ".join(f"{key} {spelled(each)}" for key, each in value.items() if key != "name")
    return ": ".join(filter(None, [str(value.get("name", "")), knobs]))


def versions(study: Mapping[str, Any]) -> str:
    """Return what the network was trained with."""
    used = [f"{name} {version}" for name, version in study.get("versions", {}).items()]
    return f"{', '.join(used) or 'Unknown'}; git commit {study.get('git_commit') or 'unknown'}."


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)
