"""What `best/` of a results folder says of the winner."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from trainables import plain_yaml
from trainables.checkpoint import METRICS, WEIGHTS
from trainables.problems import InputError, expected
from trainables.ranges import Count, Fraction
from tuner.inside import links_out

ANEW = "its search, taken up with resume=auto, writes it anew"


def configuration(folder: Path) -> dict[str, Any]:
    """Return the winner's whole configuration.

    Raises:
        InputError: If the folder holds no finished search.
    """
    if folder.is_file():
        raise InputError([f"{folder}: expected the results folder of a search, got a file."])
    if not folder.is_dir():
        raise InputError([f"{folder}: there is no such folder; name one that a search has left."])
    if linked := list(links_out(folder)):
        raise InputError(linked)
    best = folder / "best"
    missing = [name for name in ("config.yaml", WEIGHTS, METRICS) if not (best / name).is_file()]
    if missing:
        raise InputError([
            f"{folder}: holds no best/{missing[0]}; name the results folder of a search that has "
            "completed an epoch."
        ])
    try:
        config: dict[str, object] = plain_yaml.read(best / "config.yaml")
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError([f"{best / 'config.yaml'}: cannot be read ({reason}); {ANEW}."]) from None
    for group in ("threat", "data", "model"):
        found = config.get(group) if isinstance(config, Mapping) else None
        if not isinstance(found, Mapping):
            raise InputError([
                f"{best / 'config.yaml'}: {group} must hold a name and knobs, got {found!r}; "
                f"{ANEW}."
            ])
    return config


@dataclass(frozen=True)
class Measured:
    """What `best/metrics.json` must say, among other things."""

    trial_id: str
    knobs: dict[str, object]
    epoch: Count
    val_clean_accuracy: Fraction
    val_robust_accuracy: Fraction


def measured(folder: Path) -> dict[str, Any]:
    """Return what the winner's best epoch came to.

    Raises:
        InputError: If the file that says so is broken.
    """
    file = folder / "best" / METRICS
    try:
        found: dict[str, object] = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise InputError([f"{file}: cannot be read ({error}); {ANEW}."]) from None
    try:
        TypeAdapter(Measured).validate_python(found)
    except ValidationError as error:
        first = error.errors()[0]
        where = first["loc"][0] if first["loc"] else "what it holds"
        said = expected(error).partition(" or an")[0]
        reason = f"lacks {where}" if first["type"] == "missing" else f"{where} {said}"
        raise InputError([f"{file}: {reason}; {ANEW}."]) from None
    return found
