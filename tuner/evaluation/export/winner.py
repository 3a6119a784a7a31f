"""Load the winner of a finished search and remove absolute paths."""

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
from trainables.networks.averaging import Ensemble
from trainables.training.checkpoint import WEIGHTS_FILE, load_model
from trainables.training.weights import read_metadata
from tuner.evaluation import fingerprint, table
from tuner.evaluation.best_folder import REWRITE_HINT, read_best_config, read_best_metrics
from tuner.layout import SEARCH_FILE
from tuner.storage import search_yaml
from tuner.storage.search_yaml import SearchYaml

REQUIRED_KEYS = [
    ("threat", "eps"),
    *((group, "name") for group in ("threat", "data", "model", "method")),
]
CUSTOM_DATA = ("arrays", "folder", "huggingface")
"""Data sets that may hold any images."""
DIRECTORY_PATTERN = re.compile(r"(?<![^\s,(=\[\"'])/[^\s,()\[\]\"']*/")


@dataclass(frozen=True, kw_only=True)
class Winner:
    """The winner of a finished search.

    Attributes:
        folder: Results folder.
        weights: File of the network.
        source: User-supplied file that defines the network; `None`: a member of `model`.
        config: Complete configuration.
        metrics: Validation results of the best epoch, and the searched knobs.
        study: Content of `search.yaml`.
        rows: Rows of `evaluation.parquet` for these weights; empty: never evaluated.
        n_other_rows: Number of rows of the same trial with other weights, which are ignored.
        shape: Channels, height and width of an image.
        classes: Number of classes K.
        n_parameters: Number of trained parameters.
        n_networks: Number of networks in the ensemble; 1: a single network.
        to_evaluate: Arguments with which `attuner evaluate` attacks it.
    """

    folder: Path
    weights: Path
    source: Path | None
    config: dict[str, Any]
    metrics: dict[str, Any]
    study: SearchYaml
    rows: pd.DataFrame
    n_other_rows: int
    shape: tuple[int, int, int]
    classes: int
    n_parameters: int
    n_networks: int
    to_evaluate: str

    @property
    def is_of_search(self) -> bool:
        """Whether a search trained it; if not, its training and selection are unknown."""
        return bool(self.metrics)

    @property
    def evaluations(self) -> list[pd.DataFrame]:
        """The rows, grouped by the settings that all attacks of an evaluation share."""
        alike = self.rows["settings"].map(encode_shared_settings)
        return [rows for _, rows in self.rows.groupby(alike, sort=False)]

    @property
    def matching_evaluations(self) -> list[pd.DataFrame]:
        """The evaluations on the data set and threat of the training."""
        return [rows for rows in self.evaluations if self.is_trained_for(first_settings(rows))]

    def is_trained_for(self, given: Mapping[str, Any]) -> bool:
        """Return whether an attack has the threat and the data set of the training."""
        threat, data = self.config["threat"], self.config["data"]
        keys = ["name", "path", "dataset", *(["root"] if data["name"] in CUSTOM_DATA else [])]
        return (given["norm"], given["eps"]) == (threat["name"], threat["eps"]) and all(
            given["data"].get(key) == data.get(key) for key in keys
        )


def read_winner(folder: Path) -> Winner:
    """Return the winner of the search with the results folder `folder`.

    Raises:
        InputError: If there is none, or one of its files is corrupt.
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
    name = str(about["model"]["name"])
    own = rows[rows["weights"] == fingerprint.hash_network(model, name)]
    source = Path(name)
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
        to_evaluate=folder.name,
    )


def has_extra_images(data: Mapping[str, object]) -> bool:
    """Return whether training mixed in further images, by the knobs of its data set."""
    return bool(data.get("extra")) and bool(data.get("extra_share"))


def is_radius(eps: object) -> bool:
    """Return whether a value can be the radius of a threat."""
    return isinstance(eps, int | float) and math.isfinite(eps)


def read_winner_study(file: Path) -> SearchYaml:
    """Return the content of `search.yaml`.

    Raises:
        InputError: If the file is missing or corrupt.
    """
    try:
        study = search_yaml.read_search_yaml(file)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([f"{file}: cannot be read ({reason})."]) from None
    if study is None:
        raise InputError([f"{file}: does not describe a search."])
    return study


def first_settings(rows: pd.DataFrame) -> dict[str, Any]:
    """Return the settings of the first row."""
    settings: dict[str, object] = json.loads(rows["settings"].iloc[0])
    return settings


def encode_shared_settings(text: str) -> str:
    """Return the part of an attack's settings that its evaluation shares, as JSON."""
    given = json.loads(text)
    return json.dumps(
        {key: given.get(key) for key in table.SharedSettings.__annotations__}, sort_keys=True
    )


def failed_checks(rows: pd.DataFrame) -> list[str]:
    """Return the failed sanity checks of the rows, without duplicates."""
    checks = (check for text in rows["audit"] for check in text.split("; ") if check)
    return list(dict.fromkeys(checks))


def strip_paths(text: str) -> str:
    """Return settings as JSON without absolute paths."""
    return json.dumps(make_portable(json.loads(text)), sort_keys=True)


def make_portable(value: Any) -> Any:  # noqa: ANN401
    """Return nested values with each absolute path replaced by its file name.

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
    """Return a radius as papers print it: k/255 if it is a whole number of grey levels.

    >>> format_radius(8 / 255), format_radius(0.5), format_radius(0.031)
    ('8/255', '0.5', '0.031')
    """
    levels = round(255 * eps)
    short = f"{eps:.4g}"
    return f"{levels}/255" if float(short) != eps and abs(255 * eps - levels) < 1e-6 else short
