"""The configuration of a trial, and the label of its setting in a table."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from analysis.frames import Study
from tuner.storage.search_yaml import VariantSection, variants_of

HARMLESS_KEYS = frozenset({
    *("space", "name", "results", "resume", "seed", "seeds", "trials", "searcher", "searcher.seed"),
    *("cpu", "gpu", "concurrency", "time_budget", "disk_budget", "address", "dashboard"),
    *("warm_start", "dry_run", "report_limit", "data.root", "data.download", "data.workers"),
})
"""What may be typed with a table's space without anything being trained otherwise."""
TASK_GROUPS = ("data", "threat", "recipe")
"""What makes a test accuracy an answer to another question when it is changed."""


def read_variants(study: Study) -> dict[str, VariantSection]:
    """Return the variants of a study by label; a study without variants has one, labelled "".

    Each has `searched`, `fixed` and `published`, which may be empty.
    """
    return {
        name: {
            "searched": variant.get("searched", {}),
            "fixed": variant.get("fixed", {}),
            "published": variant.get("published", {}),
        }
        for name, variant in variants_of(study.description).items()
    }


def read_config(study: Study, trial: Mapping[str, object]) -> dict[str, object]:
    """Return a trial's configuration: the path of each knob to its value.

    Args:
        study: That it is of.
        trial: A row of `trials`.
    """
    variant = find_variant(study, trial)
    found: dict[str, object] = {
        f"{group}.{knob}": value
        for group, knobs in variant["fixed"].items()
        for knob, value in knobs.items()
    }
    for path in variant["searched"]:
        found[path if "." in path else f"{path}.name"] = parse_list(trial.get(path))
    return found


def parse_list(value: object) -> object:
    """Return the value of a knob as it was searched: frames hold lists as text.

    >>> parse_list("[0.5, 0.75]"), parse_list("relu")
    ([0.5, 0.75], 'relu')
    """
    if isinstance(value, str) and value.startswith(("[", "(")):
        return [float(part) for part in re.findall(r"[^\s,\[\]()]+", value)]
    return value


def find_variant(study: Study, trial: Mapping[str, object]) -> VariantSection:
    """Return the description of a trial's variant in its study."""
    nothing: VariantSection = {"searched": {}, "fixed": {}, "published": {}}
    return read_variants(study).get(str(trial.get("variant", "")), nothing)


def label_setting(study: Study, trial: Mapping[str, object]) -> str:
    """Return the label of a trial's setting: its variant, and what is searched in it."""
    name = str(trial.get("variant", ""))
    searched = find_variant(study, trial)["searched"]
    return ", ".join([
        *([name] if name else []),
        *(f"{path}={format_label_value(trial.get(path))}" for path in searched),
    ])


def format_label_value(value: object) -> str:
    """Return the value of a knob, short and without a comma.

    >>> format_label_value(0.0005), format_label_value(None)
    ('0.0005', 'none')
    >>> format_label_value("[0.9090909, 0.95]")
    '[0.909; 0.95]'
    """
    if value is None:
        return "none"
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    short = re.sub(r"\d+\.\d{4,}", lambda found: f"{float(found[0]):.3g}", text)
    return (text if isinstance(value, float) else short).replace(", ", "; ")


def list_changed_arguments(study: Study) -> list[str]:
    """Return the arguments of a study's command that change the trials of its space."""
    command = str(study.description.get("command", ""))
    try:
        words = shlex.split(command)
    except ValueError:  # earlier versions did not quote it
        words = command.split()
    return [word for word in words if "=" in word and not is_harmless(*word.split("=", 1))]


def is_harmless(key: str, value: str) -> bool:
    """Return whether an argument does not change training."""
    return key in HARMLESS_KEYS or (key, value) == ("scheduler", "none")


def changes_task(words: Sequence[str]) -> bool:
    """Return whether arguments change the data or the threat."""
    return any(word.partition("=")[0].partition(".")[0] in TASK_GROUPS for word in words)


def count_epochs(study: Study) -> int:
    """Return how many epochs its whole runs have; 0 if it does not say."""
    return int(study.description.get("study", {}).get("epochs", 0))


def select_finished(trials: pd.DataFrame) -> tuple[pd.DataFrame, Iterator[str]]:
    """Return the trials that say what their setting has, and what others there are.

    Those that a scheduler stopped do not; those whose training broke down by itself do.
    """
    collapsed = trials["collapsed_at"] if "collapsed_at" in trials else pd.Series(0, trials.index)
    broken = (trials["status"] == "diverged") | (collapsed.fillna(0) > 0)
    whole = trials[(trials["status"] == "completed") | broken]
    others = trials.drop(whole.index)["status"].value_counts()
    return whole, (f"{number} {status}" for status, number in others.items())
