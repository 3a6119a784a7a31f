"""Read the winner's configuration and metrics from `best/` of a results folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from trainables.errors import InputError, format_validation_error
from trainables.hparams.ranges import Count, Fraction
from trainables.io import safe_yaml
from trainables.training.checkpoint import METRICS_FILE, WEIGHTS_FILE
from tuner.storage.safe_files import check_links

REWRITE_HINT = "rerun its search with resume=auto to rewrite it"


def read_best_config(folder: Path) -> dict[str, object]:
    """Return the winner's complete configuration.

    Raises:
        InputError: If the folder holds no finished search.
    """
    if folder.is_file():
        raise InputError([f"{folder}: expected the results folder of a search, got a file."])
    if not folder.is_dir():
        raise InputError([
            f"{folder}: there is no such folder; name the results folder of a search."
        ])
    if linked := list(check_links(folder)):
        raise InputError(linked)
    best = folder / "best"
    missing = [
        name for name in ("config.yaml", WEIGHTS_FILE, METRICS_FILE) if not (best / name).is_file()
    ]
    if missing:
        raise InputError([
            f"{folder}: holds no best/{missing[0]}; name the results folder of a search that has "
            "completed an epoch."
        ])
    try:
        config = safe_yaml.read_yaml(best / "config.yaml")
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([
            f"{best / 'config.yaml'}: cannot be read ({reason}); {REWRITE_HINT}."
        ]) from None
    for group in ("threat", "data", "model"):
        member = config.get(group) if isinstance(config, dict) else None
        if not isinstance(member, Mapping):
            raise InputError([
                f"{best / 'config.yaml'}: {group} must hold a name and knobs, got {member!r}; "
                f"{REWRITE_HINT}."
            ])
    assert isinstance(config, dict)
    return config


@dataclass(frozen=True)
class BestMetrics:
    """The required keys of `best/metrics.json`."""

    trial_id: str
    knobs: dict[str, object]
    epoch: Count
    val_clean_accuracy: Fraction
    val_robust_accuracy: Fraction


def read_best_metrics(folder: Path) -> dict[str, object]:
    """Return the metrics of the winner's best epoch.

    Raises:
        InputError: If the file is corrupt.
    """
    file = folder / "best" / METRICS_FILE
    try:
        metrics: dict[str, object] = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise InputError([f"{file}: cannot be read ({error}); {REWRITE_HINT}."]) from None
    try:
        TypeAdapter(BestMetrics).validate_python(metrics)
    except ValidationError as error:
        first = error.errors()[0]
        where = first["loc"][0] if first["loc"] else "its content"
        message = format_validation_error(error).partition(" or an")[0]
        reason = f"lacks {where}" if first["type"] == "missing" else f"{where} {message}"
        raise InputError([f"{file}: {reason}; {REWRITE_HINT}."]) from None
    return metrics
