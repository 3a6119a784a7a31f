"""Load weights of any software into a network of this project."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from trainables.errors import InputError
from trainables.networks.normalize import describe_normalization, find_normalize, set_constants
from trainables.networks.resize import Resize
from trainables.training.weight_files import WeightsFile, read_weights_file
from trainables.training.weight_matching import match_weights
from trainables.training.weights import tensor_mismatch


@dataclass(frozen=True, kw_only=True)
class LoadedWeights:
    """What was loaded into a network.

    Attributes:
        names: Names of the tensors that were loaded, in the network with its normalisation.
        has_normalization: Whether the file has a normalisation, which the network now uses.
        notes: What was done, for the user.
    """

    names: frozenset[str]
    has_normalization: bool
    notes: tuple[str, ...]


def load_foreign_weights(
    source: Path | WeightsFile, model: nn.Module, *, replace_head: bool = False
) -> LoadedWeights:
    """Load the weights of a file into a network, and its normalisation if the file has one.

    Args:
        source: The file: safetensors or of `torch.save`; or what was read from it.
        model: A network of this project with its normalisation layer.
        replace_head: Whether the last layer may be for other classes; then it stays as it is.

    Raises:
        InputError: If the weights cannot be read, are of another network, or not finite.
    """
    source = read_weights_file(source) if isinstance(source, Path) else source
    prefix, net = find_bare_network(model)
    matched = match_weights(source, net, replace_head=replace_head)
    state = net.state_dict()
    for name, tensor in matched.tensors.items():
        if flaw := tensor_mismatch(tensor, state[name]):
            raise InputError([f"weights: {source.file} cannot be used: {name} {flaw}."])
    net.load_state_dict({**state, **matched.tensors})
    notes = list(matched.notes)
    if matched.normalization:
        apply_normalization(source.file, model, *matched.normalization)
        notes.append(f"Normalisation is that of the file: {describe_normalization(model)}.")
    return LoadedWeights(
        names=frozenset(f"{prefix}{name}" for name in matched.tensors),
        has_normalization=matched.normalization is not None,
        notes=tuple(notes),
    )


def find_bare_network(model: nn.Module) -> tuple[str, nn.Module]:
    """Return the network behind the normalisation and resizing of images, and its prefix."""
    net = model.get_submodule("1")
    if isinstance(net, nn.Sequential) and isinstance(net[0], Resize):
        return "1.1.", net[1]
    return "1.", net


def apply_normalization(file: Path, model: nn.Module, mean: Tensor, std: Tensor) -> None:
    """Set the normalisation layer of a network to that of a file.

    Raises:
        InputError: If it is of other images.
    """
    layer = find_normalize(model)
    assert layer is not None
    try:
        set_constants(layer, mean, std)
    except ValueError as error:
        raise InputError([
            f"weights: the normalisation in {file} cannot be used ({error})."
        ]) from None
