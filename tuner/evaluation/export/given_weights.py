"""Convert a network of other software for an export, as if it were the winner of a search."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import save_file
from torch.nn import Module

from trainables.binding import check_member
from trainables.components import GROUPS
from trainables.errors import InputError
from trainables.hparams.group import group_values
from trainables.networks.averaging import Ensemble
from trainables.training.checkpoint import WEIGHTS_FILE
from trainables.training.weights import hash_tensors, read_metadata
from tuner.commands.evaluate import TRIAL_GROUPS
from tuner.evaluation import fingerprint, table
from tuner.evaluation.checkpoints import CheckpointRef
from tuner.evaluation.checks import N_CHECK_IMAGES, check_logits
from tuner.evaluation.export.winner import Winner, is_radius, make_portable, strip_paths
from tuner.evaluation.foreign import describes_network, load_given_checkpoint
from tuner.evaluation.images import load_evaluation_data
from tuner.layout import RESULTS_FOLDER


@dataclass(frozen=True, kw_only=True)
class GivenWeights:
    """A file of weights, and what it was trained for.

    Attributes:
        file: The file.
        threat: Name and knobs of the threat.
        data: Name and knobs of the data set.
        model: Name and knobs of the network; empty: the file describes it.
        results: Folder with the results of its evaluations; `None`: that of `attuner evaluate`.
    """

    file: Path
    threat: Mapping[str, object]
    data: Mapping[str, object]
    model: Mapping[str, object]
    results: Path | None = None

    @property
    def evaluations(self) -> Path:
        """The folder with the results of its evaluations."""
        return self.results or Path(RESULTS_FOLDER) / self.file.stem


def read_given_weights(
    file: Path, arguments: Mapping[str, object], results: Path | None
) -> GivenWeights:
    """Return the checked arguments of an export of weights.

    Args:
        file: The file.
        arguments: Parsed arguments of the command, with the groups of a trial.
        results: Folder with the results of its evaluations.

    Raises:
        InputError: If they are invalid, with all problems.
    """
    if not file.is_file():
        raise InputError([f"weights: there is no file {file}."])
    groups = {name: dict(group_values(arguments, name)) for name in TRIAL_GROUPS}
    problems = []
    needed = set(TRIAL_GROUPS)
    if describes_network(file):
        needed.remove("model")
        if groups["model"]:
            problems.append("model: the checkpoint describes its own network; leave out model=.")
    for group in sorted(needed):
        values = dict(groups[group])
        problems += check_member(group, GROUPS[group], values.pop("name", None), values)
    if not problems and not is_radius(groups["threat"].get("eps")):
        problems.append("threat.eps: expected the radius of the training, e.g. threat.eps=8/255.")
    if problems:
        raise InputError(problems)
    return GivenWeights(file=file, results=results, **groups)


def convert_given_weights(given: GivenWeights, folder: Path) -> tuple[Winner, tuple[str, ...]]:
    """Write the weights as those of this project; return the network to export, and notes.

    Args:
        given: The weights.
        folder: Existing folder for the converted file.

    Raises:
        InputError: If the weights do not fit, or their normalisation is unclear.
    """
    dataset = load_evaluation_data(given.data)
    checkpoint = load_given_checkpoint(given.file, given.model, dataset, "cpu")
    model = checkpoint.load().eval()
    if problems := list(check_logits(model, dataset.test[:N_CHECK_IMAGES], dataset.classes)):
        raise InputError([f"{given.file}: {problem}" for problem in problems])
    described = dict(given.model or read_metadata(given.file)["model"])
    weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    about = {
        "model": described,
        "shape": dataset.image_format.shape,
        "classes": dataset.classes,
        "sha256": hash_tensors(weights),
    }
    metadata = {key: json.dumps(value) for key, value in about.items()}
    save_file(weights, folder / WEIGHTS_FILE, metadata=metadata)
    source = Path(str(described["name"]))
    has_source = source.suffix == ".py"
    rows = table.read_table(given.evaluations)
    name = checkpoint.model_member()
    own = rows[rows["weights"] == fingerprint.hash_network(model, name)]
    winner = Winner(
        folder=given.evaluations,
        weights=folder / WEIGHTS_FILE,
        source=source if has_source else None,
        config=make_portable({
            "threat": dict(given.threat),
            "data": dict(given.data),
            "model": described | ({"name": source.name} if has_source else {}),
        }),
        metrics={},
        study={},
        rows=own.assign(settings=own["settings"].map(strip_paths)),
        n_other_rows=len(rows) - len(own),
        shape=dataset.image_format.shape,
        classes=dataset.classes,
        n_parameters=sum(tensor.numel() for tensor in model.parameters()),
        n_networks=len(model.members) if isinstance(model, Ensemble) else 1,
        to_evaluate=format_arguments(given),
    )
    return winner, (*checkpoint.notes, describe_normalization(checkpoint, model))


def describe_normalization(checkpoint: CheckpointRef, model: Module) -> str:
    """Return the normalisation of the exported network, for the user."""
    return f"Normalisation in the export: {checkpoint.describe_normalization(model)}."


def format_arguments(given: GivenWeights) -> str:
    """Return the arguments with which `attuner evaluate` attacks the weights."""
    words = [f"weights={given.file.name}"]
    for group in ("model", "data", "threat"):
        values = dict(getattr(given, group))
        name = values.pop("name", None)
        words += [f"{group}={name}"] if name else []
        words += [f"{group}.{key}={value}" for key, value in make_portable(values).items()]
    return " ".join(words)
