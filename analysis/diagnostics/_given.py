"""Diagnose a file of weights in place of the checkpoints of a search."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from analysis.commands.diagnose import TRIAL_GROUPS, DiagnosisSettings
from trainables.binding import check_member
from trainables.components import GROUPS
from trainables.data_pipeline.images import Dataset
from trainables.hparams.group import group_values
from tuner.evaluation.checkpoints import CheckpointRef
from tuner.evaluation.foreign import describes_network, load_given_checkpoint
from tuner.layout import RESULTS_FOLDER


def check_target(
    folders: Sequence[str], settings: DiagnosisSettings, arguments: Mapping[str, object]
) -> Iterator[str]:
    """Yield the problems of what to diagnose: folders, or a file and its network."""
    if settings.weights is not None:
        yield from check_file(Path(settings.weights), arguments)
        yield from (f"{folder}: give folders or weights=, not both." for folder in folders[:1])
        return
    if not folders:
        yield "FOLDER: expected the results folders of searches, got none."
    for key in arguments.keys() & {"model", "results"}:
        yield f"{key}: goes with weights=; a results folder describes its networks."


def check_file(file: Path, arguments: Mapping[str, object]) -> Iterator[str]:
    """Yield the problems of a file of weights and its network."""
    if not file.is_file():
        yield f"weights: there is no file {file}."
    elif describes_network(file):
        if "model" in arguments:
            yield "model: the checkpoint describes its own network; leave out model=."
    else:
        values = dict(group_values(arguments, "model"))
        yield from check_member("model", GROUPS["model"], values.pop("name", None), values)


def given_groups(arguments: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return the threat and the data of the command line."""
    return {group: dict(group_values(arguments, group)) for group in TRIAL_GROUPS}


def load_given(
    settings: DiagnosisSettings, arguments: Mapping[str, object], dataset: Dataset, device: str
) -> tuple[Path, CheckpointRef]:
    """Return the folder of the results and the checkpoint of `weights=`.

    Raises:
        InputError: If the weights do not fit, or their normalisation is unclear.
    """
    assert settings.weights is not None
    file = Path(settings.weights)
    folder = Path(settings.results or Path(RESULTS_FOLDER) / file.stem)
    return folder, load_given_checkpoint(file, group_values(arguments, "model"), dataset, device)
