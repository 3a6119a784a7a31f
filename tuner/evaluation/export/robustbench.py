"""The entry of a network in RobustBench's `model_info/` (arXiv:2010.09670)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from trainables.components import GROUPS
from tuner.evaluation.export.winner import (
    CUSTOM_DATA,
    Winner,
    encode_shared_settings,
    failed_checks,
    format_radius,
    has_extra_images,
)
from tuner.evaluation.suites import parse_suite

ARCHITECTURES = {
    "densenet121": "DenseNet-121",
    "preact_resnet18": "PreActResNet-18",
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "torchvision": "{network}",
    "wide_resnet": "WideResNet-{depth}-{widen}",
    "wrn_28_10": "WideResNet-28-10",
    "wrn_34_10": "WideResNet-34-10",
    "wrn_34_20": "WideResNet-34-20",
}
"""Networks by the name of their member to their name in RobustBench."""
LEADERBOARDS = ("cifar10", "cifar100", "imagenet")
THREATS = {"linf": "Linf", "l2": "L2"}


def find_entry_path(winner: Winner) -> str | None:
    """Return the path of the entry in RobustBench; `None`: it has no leaderboard for it."""
    data, threat = winner.config["data"]["name"], THREATS.get(winner.config["threat"]["name"])
    if threat is None or data not in LEADERBOARDS:
        return None
    return f"model_info/{data}/{threat}/<Name><Year><FirstWordOfTheTitle>.json"


def build_model_info(winner: Winner, about: Mapping[str, str]) -> dict[str, object]:
    """Return the entry; an unknown field is an empty string.

    Args:
        winner: Winner to export.
        about: The paper's `name`, `authors`, `venue` and `link`.
    """
    standard = find_autoattack_rows(winner)
    rows = (
        max(winner.matching_evaluations, key=rank_evaluation, default=None)
        if standard is None
        else standard
    )
    entry: dict[str, object] = {
        "link": about["link"],
        "name": about["name"],
        "authors": about["authors"],
        "additional_data": uses_additional_data(winner.config) if winner.is_of_search else "",
        "number_forward_passes": winner.n_networks,
        "dataset": winner.config["data"]["name"],
        "venue": about["venue"],
        "architecture": architecture_name(winner.config["model"]),
        "eps": format_radius(winner.config["threat"]["eps"]),
        "clean_acc": "" if rows is None else format_accuracy(rows["clean_accuracy"].min()),
        "reported": "" if rows is None else format_accuracy(rows["robust_accuracy"].min()),
    }
    if standard is not None:
        entry["autoattack_acc"] = format_accuracy(standard["robust_accuracy"].min())
    entry["footnote"] = (
        "" if rows is None else build_footnote(winner, rows, is_autoattack=standard is not None)
    )
    if rows is not None:
        entry["unreliable"] = bool(failed_checks(rows))
    return entry


def uses_additional_data(config: Mapping[str, Any]) -> bool | str:
    """Return whether training used more images than the data set has; "": unknown.

    The data sets of this project are read as published; a custom one may hold any images, and
    weights that training starts from may come from any.

    >>> data = {"name": "cifar10", "extra": "ddpm.npz", "extra_share": 0.7}
    >>> uses_additional_data({"data": data})
    True
    >>> uses_additional_data({"data": data | {"extra": None}})
    False
    """
    data: Mapping[str, object] = config["data"]
    if has_extra_images(data):
        return True
    if config.get("init"):
        return ""
    name = data["name"]
    return False if name in GROUPS["data"].members() and name not in CUSTOM_DATA else ""


def format_accuracy(accuracy: float) -> str:
    """Return a fraction in percent with two digits, as RobustBench prints it.

    >>> format_accuracy(0.5342)
    '53.42'
    """
    return f"{100 * accuracy:.2f}"


def find_autoattack_rows(winner: Winner) -> pd.DataFrame | None:
    """Return the rows of AutoAttack's standard version on the most images, if complete.

    Each attack must have run in fp32, with the published knobs, on the images that are still robust
    after the attacks before it.
    """
    suite, _ = parse_suite("autoattack", {})
    words = [attack.label for attack in suite]
    complete = []
    for rows in winner.matching_evaluations:
        shared = json.loads(encode_shared_settings(rows["settings"].iloc[0]))
        wanted = {
            (json.dumps({"attack": a.name, **a.knobs, **shared}, sort_keys=True), ",".join(before))
            for a, before in ((a, words[:number]) for number, a in enumerate(suite))
        }
        pairs = zip(rows["settings"], rows["after"], strict=True)
        chain = rows[[pair in wanted for pair in pairs]]
        if len(chain) == len(suite) and shared["precision"] == "fp32" and is_sequential(chain):
            complete.append(chain)
    return max(complete, key=rank_evaluation, default=None)


def is_sequential(chain: pd.DataFrame) -> bool:
    """Return whether each attack ran on as many images as were robust after the previous one."""
    ordered = chain.sort_values("after", key=lambda after: after.str.len())
    attacked, robust = ordered["attacked"], ordered["attacked"] - ordered["fooled"]
    return attacked.tolist()[1:] == robust.tolist()[:-1]


def rank_evaluation(rows: pd.DataFrame) -> tuple[int, float]:
    """Return the sort key of an evaluation: more images first, then lower robust accuracy."""
    return int(rows["n"].iloc[0]), -float(rows["robust_accuracy"].min())


def build_footnote(winner: Winner, rows: pd.DataFrame, *, is_autoattack: bool) -> str:
    """Return the number of images, and deviations from the protocol of RobustBench.

    Args:
        winner: Winner to export.
        rows: Rows of the reported accuracies.
        is_autoattack: Whether they are those of AutoAttack's standard version.
    """
    sentences = [f"Measured on {rows['n'].iloc[0]} test images."]
    if not is_autoattack:
        attacks = ", ".join(dict.fromkeys(rows["attack"]))
        sentences.append(
            f"The reported accuracy is not AutoAttack's: it is the lowest over {attacks}."
        )
    if winner.n_networks > 1:
        sentences.append(f"It uses an ensemble of {winner.n_networks} networks.")
    if failed := failed_checks(rows):
        sentences.append(f"Failed sanity checks: {'; '.join(failed)}.")
    return " ".join(sentences)


def architecture_name(model: Mapping[str, object]) -> str:
    """Return the name of a network and its member-specific knobs that differ from the defaults.

    >>> architecture_name({"name": "preact_resnet18"})
    'PreActResNet-18'
    >>> architecture_name({"name": "resnet18", "width": 16})
    'ResNet-18 (width 16)'
    """
    name = str(model["name"])
    if name.endswith(".py"):
        return Path(name).stem
    spelling, common = ARCHITECTURES.get(name, name), GROUPS["model"].common_knobs()
    knobs = {k: knob for k, knob in GROUPS["model"].member_knobs(name).items() if k not in common}
    values = {key: model.get(key, knob.default) for key, knob in knobs.items()}
    changed = [
        f"{key} {value}"
        for key, value in values.items()
        if value != knobs[key].default and f"{{{key}}}" not in spelling
    ]
    return spelling.format(**values) + (f" ({', '.join(changed)})" if changed else "")
