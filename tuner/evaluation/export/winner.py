"""The winner of a finished search, without absolute paths of the machine."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from trainables.errors import InputError
from trainables.networks.ensemble import Ensemble
from trainables.training.checkpoint import WEIGHTS_FILE, load_model, read_metadata
from tuner.evaluation import fingerprint, table
from tuner.evaluation.best_folder import REWRITE_HINT, read_best_config, read_best_metrics
from tuner.layout import SEARCH_FILE
from tuner.storage import search_yaml

REQUIRED_KEYS = [
    ("threat", "eps"),
    *((group, "name") for group in ("threat", "data", "model", "method")),
]
DIRECTORY_PATTERN = re.compile(r"(?<![^\s,(=\[\"'])/[^\s,()\[\]\"']*/")


@dataclass(frozen=True, kw_only=True)
class Winner:
    """The winner of a finished search.

    Attributes:
        folder: The results folder.
        weights: The file that holds the network.
        source: The user's own file that defines the network, if one does.
        config: Its whole configuration.
        metrics: What its best epoch came to on the validation split, and what was searched.
        study: What `search.yaml` says.
        rows: What attacks on the test split came to; empty if there were none.
        n_other_rows: How many rows of its trial are of other weights, and count for nothing.
        shape: Channels, height and width of an image.
        classes: Number of classes K.
        n_parameters: How many numbers were trained.
        n_networks: How many networks answer as one.
    """

    folder: Path
    weights: Path
    source: Path | None
    config: dict[str, Any]
    metrics: dict[str, Any]
    study: dict[str, Any]
    rows: pd.DataFrame
    n_other_rows: int
    shape: tuple[int, int, int]
    classes: int
    n_parameters: int
    n_networks: int

    @property
    def evaluations(self) -> list[pd.DataFrame]:
        """The rows, those of the same images and budget together."""
        alike = self.rows["settings"].map(encode_shared_settings)
        return [rows for _, rows in self.rows.groupby(alike, sort=False)]

    @property
    def matching_evaluations(self) -> list[pd.DataFrame]:
        """The evaluations on the data and against the threat that the network was trained for."""
        return [rows for rows in self.evaluations if self.is_trained_for(first_settings(rows))]

    def is_trained_for(self, given: Mapping[str, Any]) -> bool:
        """Return whether an attack with these settings asks what training prepared for."""
        threat, data = self.config["threat"], self.config["data"]
        return (given["norm"], given["eps"]) == (threat["name"], threat["eps"]) and all(
            given["data"].get(key) == data.get(key) for key in ("name", "path")
        )


def read_winner(folder: Path) -> Winner:
    """Return the winner of the search that left `folder`.

    Raises:
        InputError: If there is none, or something that is known of it is broken.
    """
    config, weights = make_portable(read_best_config(folder)), folder / "best" / WEIGHTS_FILE
    for group, key in REQUIRED_KEYS:
        if not isinstance(config.get(group), dict) or key not in config[group]:
            raise InputError([
                f"{folder / 'best/config.yaml'}: lacks {group}.{key}; {REWRITE_HINT}."
            ])
    if not is_radius(config["threat"]["eps"]):
        raise InputError([
            f"{folder / 'best/config.yaml'}: threat.eps must be a number; {REWRITE_HINT}."
        ])
    metrics, study = read_best_metrics(folder), read_winner_study(folder / SEARCH_FILE)
    rows = table.read_table(folder)
    rows = rows[rows["trial_id"] == metrics["trial_id"]]
    rows = rows[rows["rule"] == "best_validation_robust"]
    model, about = load_model(weights), read_metadata(weights)
    own = rows[rows["weights"] == fingerprint.hash_network(model, about["model"]["name"])]
    source = Path(about["model"]["name"])
    if source.suffix == ".py":
        config["model"]["name"] = source.name
    channels, height, width = about["shape"]
    return Winner(
        folder=folder,
        weights=weights,
        source=source if source.suffix == ".py" else None,
        config=config,
        metrics=make_portable(metrics),
        study=make_portable(study),
        rows=own.assign(settings=own["settings"].map(strip_paths)),
        n_other_rows=len(rows) - len(own),
        shape=(channels, height, width),
        classes=about["classes"],
        n_parameters=sum(tensor.numel() for tensor in model.parameters()),
        n_networks=len(model.members) if isinstance(model, Ensemble) else 1,
    )


def is_radius(eps: object) -> bool:
    """Return whether a value can be the radius of a threat."""
    return isinstance(eps, int | float) and math.isfinite(eps)


def read_winner_study(file: Path) -> dict[str, object]:
    """Return what `search.yaml` says.

    Raises:
        InputError: If the file is missing or broken.
    """
    try:
        found = search_yaml.read_search_yaml(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([f"{file}: cannot be read ({reason})."]) from None
    if not isinstance(found, dict):
        raise InputError([f"{file}: says nothing of a search."])
    return found


def first_settings(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the settings of the first of some rows."""
    found: dict[str, object] = json.loads(rows["settings"].iloc[0])
    return found


def encode_shared_settings(text: str) -> str:
    """Return what the settings of an attack say of all attacks that were made with it."""
    given = json.loads(text)
    return json.dumps(
        {key: given.get(key) for key in table.SharedSettings.__annotations__}, sort_keys=True
    )


def failed_checks(rows: pd.DataFrame) -> list[str]:
    """Return what audits doubted of some rows, each doubt once."""
    return list(dict.fromkeys(d for text in rows["audit"] for d in text.split("; ") if d))


def strip_paths(text: str) -> str:
    """Return settings with files for paths."""
    return json.dumps(make_portable(json.loads(text)), sort_keys=True)


def make_portable(value: Any) -> Any:  # noqa: ANN401
    """Return nested values with the names of files where there were absolute paths.

    >>> make_portable({"data": {"path": "/home/me/my images.npz", "crop": 4}})
    {'data': {'path': 'my images.npz', 'crop': 4}}
    >>> make_portable("choice(/home/me/net.py, lenet)"), make_portable("8/255")
    ('choice(net.py, lenet)', '8/255')
    """
    if isinstance(value, Mapping):
        return {key: make_portable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [make_portable(item) for item in value]
    if not isinstance(value, str):
        return value
    return Path(value).name if Path(value).is_absolute() else DIRECTORY_PATTERN.sub("", value)


def format_radius(eps: float) -> str:
    """Return a radius as papers print it: as so many grey levels where it is a whole number.

    >>> format_radius(8 / 255), format_radius(0.5), format_radius(0.031)
    ('8/255', '0.5', '0.031')
    """
    levels = round(255 * eps)
    short = f"{eps:.4g}"
    return f"{levels}/255" if float(short) != eps and abs(255 * eps - levels) < 1e-6 else short
