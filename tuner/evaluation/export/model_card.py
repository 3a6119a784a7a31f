"""Render the model card of an exported network in the format of the Hugging Face Hub."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from tuner.cli.format import format_percent, format_value
from tuner.evaluation.export.card_accuracy import (
    HUB_NAMES,
    build_hub_result,
    render_test_accuracy,
)
from tuner.evaluation.export.markdown import escape_markdown, format_config_value, render_table
from tuner.evaluation.export.robustbench import architecture_name
from tuner.evaluation.export.winner import (
    Winner,
    format_radius,
    has_extra_images,
)
from tuner.storage.search_yaml import SearchYaml, variants_of


def render_card(winner: Winner, folder: str, about: Mapping[str, str]) -> str:
    """Return the text of README.md.

    Args:
        winner: Winner to export.
        folder: Name of the export folder.
        about: The paper's `name`, `authors`, `venue` and `link`; "": unknown.
    """
    winner = escape_winner(winner)
    title = about["name"] or winner.folder.name
    front = yaml.safe_dump(build_front_matter(winner, title), sort_keys=False, allow_unicode=True)
    parts = [
        f"---\n{front}---",
        f"# {title}",
        *render_introduction(winner, about),
        "## Loading",
        *render_loading(winner, folder),
        "## Test accuracy",
        *render_test_accuracy(winner),
        "## Selection",
        render_selection(winner),
        "## Training",
        *render_training(winner),
        "## Versions",
        format_versions(winner.study),
    ]
    return "\n\n".join(parts) + "\n"


def escape_winner(winner: Winner) -> Winner:
    """Return a copy whose texts, which may be untrusted, are escaped for Markdown."""
    rows = winner.rows
    words = {name: rows[name].map(escape_markdown) for name in ("attack", "after", "audit")}
    given = rows["settings"].map(lambda text: json.dumps(escape_markdown(json.loads(text))))
    fields = {
        name: escape_markdown(getattr(winner, name)) for name in ("config", "metrics", "study")
    }
    return replace(winner, **fields, rows=rows.assign(**words, settings=given))


def build_front_matter(winner: Winner, title: str) -> dict[str, object]:
    """Return the metadata of the card for the Hub."""
    threat, data = winner.config["threat"]["name"], winner.config["data"]["name"]
    tags = ["adversarial-robustness", "adversarial-training", Path(threat).stem]
    front: dict[str, object] = {
        "library_name": "attuner",
        "pipeline_tag": "image-classification",
        "tags": tags,
        **({"datasets": [HUB_NAMES[data]]} if data in HUB_NAMES else {}),
        "metrics": ["accuracy"],
    }
    if results := [build_hub_result(rows) for rows in winner.evaluations]:
        front["model-index"] = [{"name": title, "results": results}]
    return front


def render_introduction(winner: Winner, about: Mapping[str, str]) -> Iterator[str]:
    """Yield a paragraph and a table that describe the network."""
    config = winner.config
    budget = f"{config['threat']['name']} perturbations of {format_radius(config['threat']['eps'])}"
    data, (channels, height, width) = config["data"]["name"], winner.shape
    yield (
        f"An image classifier for {data}, adversarially trained against {budget}: the winner of "
        "a hyperparameter search with attuner."
        if winner.is_of_search
        else f"An image classifier for {data}, trained with other software. It is meant for "
        f"{budget}; this is what its owner states."
    )
    if source := ", ".join(about[key] for key in ("authors", "venue", "link") if about[key]):
        yield f"By: {source}."
    network = f"{architecture_name(config['model'])}, {config['model'].get('activation', 'relu')}"
    ensemble = f", {winner.n_networks} of them as an ensemble" if winner.n_networks > 1 else ""
    yield render_table(
        ("", ""),
        [
            (
                "threat model",
                f"{budget} of pixels in [0, 1], with full knowledge of the network (white box)",
            ),
            ("architecture", f"{network}{ensemble}"),
            ("parameters", f"{winner.n_parameters:,}"),
            (
                "input",
                f"{channels} x {height} x {width}, pixels in [0, 1]; the network normalises them",
            ),
            ("output", f"logits of {winner.classes} classes"),
            *(describe_training(config) if winner.is_of_search else []),
        ],
    )


def describe_training(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the rows of the introduction that say what the network was trained on, and how."""
    training = f"the training split of {config['data']['name']}"
    yield "data", f"{training}, {format_extra_images(config['data'])}"
    if config.get("init"):
        yield "start", format_start(config["init"])
    yield "method", format_config_value(config["method"])


def format_start(file: str) -> str:
    """Return where training started.

    >>> format_start("net.pt")
    'weights in net.pt, whose training images are unknown'
    """
    return f"weights in {file}, whose training images are unknown"


def format_extra_images(data: Mapping[str, object]) -> str:
    """Return which images besides those of the data set training used.

    >>> format_extra_images({"name": "cifar10", "extra": "ddpm.npz", "extra_share": 0.7})
    'and 70 % of each batch from ddpm.npz'
    """
    if not has_extra_images(data):
        return "no other images"
    return f"and {100 * float(str(data['extra_share'])):.3g} % of each batch from {data['extra']}"


def render_loading(winner: Winner, folder: str) -> Iterator[str]:
    """Yield how to load the network."""
    trusted = f'".", trust=[{json.dumps(winner.source.name)}]' if winner.source else ""
    arguments = trusted or f'"{folder}"'
    yield (
        "```python\nfrom trainables.training.checkpoint import load_model\n\n"
        f"model = load_model({arguments})  # images (N, C, H, W) in [0, 1] to logits\n```"
    )
    if winner.source:
        yield f"Run this in the export folder: `{winner.source.name}` defines the network."


def render_selection(winner: Winner) -> str:
    """Return how the network was selected."""
    if not winner.is_of_search:
        return "Unknown: the network was trained with other software."
    metrics, study = winner.metrics, winner.study.get("study", {})
    attack = format_config_value(winner.config.get("exam", {}))
    bound = winner.config.get("constraint")
    constraint = f" The search required {bound} on that split." if bound else ""
    return (
        f"Trial {metrics['trial_id']} of {study.get('trials', 'several')}, epoch "
        f"{metrics['epoch']} of {winner.config.get('epochs', 'several')}: the highest accuracy "
        f"under PGD ({attack}) on a validation split cut from the training split, "
        f"{format_percent(metrics['val_robust_accuracy'])} % "
        f"(clean {format_percent(metrics['val_clean_accuracy'])} %). This accuracy is "
        "optimistically biased, because it is the best of many. The selection did not use the "
        f"test split.{constraint}"
    )


def render_training(winner: Winner) -> Iterator[str]:
    """Yield a table of the searched knobs and a table of the complete configuration."""
    if knobs := {path: v for path, v in winner.metrics.get("knobs", {}).items() if v is not None}:
        ranges = searched_domains(winner.study)
        yield render_table(
            ("searched knob", "value", "domain"),
            [(path, format_value(value), ranges.get(path, "")) for path, value in knobs.items()],
        )
    yield render_table(
        ("key", "value"),
        [(key, format_config_value(value)) for key, value in winner.config.items()],
    )
    yield "`config.yaml` holds the same configuration in machine-readable form."


def searched_domains(study: SearchYaml) -> dict[str, str]:
    """Return the search domain of each searched knob, over all variants of the study."""
    variants = variants_of(study).values()
    return {path: domain for variant in variants for path, domain in variant["searched"].items()}


def format_versions(study: SearchYaml) -> str:
    """Return the versions of the software that trained the network."""
    used = [f"{name} {version}" for name, version in study.get("versions", {}).items()]
    return f"{', '.join(used) or 'Unknown'}; git commit {study.get('git_commit') or 'unknown'}."
