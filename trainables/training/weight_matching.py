"""Match the tensors of a file to those of a network: by name, by published names, or by order."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor, nn

from trainables.errors import InputError
from trainables.training.dense_channels import with_newest_last
from trainables.training.weight_files import WeightsFile
from trainables.training.weight_names import describe_tensors
from trainables.training.weight_wrappers import Unwrapped, find_networks

Pairs = dict[str, str]
"""Names of a network's tensors to names in a file."""
COUNTER = "num_batches_tracked"
"""A buffer of BatchNorm that evaluation does not use, and that old files lack."""
N_SHOWN = 3
"""Number of tensors of each side in messages."""


@dataclass(frozen=True, kw_only=True)
class MatchedWeights:
    """Weights under the names of a network.

    Attributes:
        tensors: The weights by our name; with those of `new_head` left out.
        normalization: Mean and standard deviation of each channel in the file; `None`: it has none.
        new_head: Layer whose weights do not fit, because the file is for other classes; "": none.
        notes: What was done, for the user.
    """

    tensors: Mapping[str, Tensor]
    normalization: tuple[Tensor, Tensor] | None
    new_head: str
    notes: tuple[str, ...]


def match_weights(source: WeightsFile, net: nn.Module, *, replace_head: bool) -> MatchedWeights:
    """Return the weights of a file under the names of a network.

    Args:
        source: The file.
        net: The network, without its normalisation layer.
        replace_head: Whether the last layer of the file may be for other classes.

    Raises:
        InputError: If they are of another network, with the first tensors of both.
    """
    mine, head = net.state_dict(), find_head(net)
    networks = list(find_networks(source.tensors))
    for way in WAYS:
        for network in networks if source.is_ordered or way.pair is not pair_by_order else []:
            pairs = way.pair(network.tensors, mine)
            wrong = [] if pairs is None else wrong_shapes(pairs, network.tensors, mine)
            if pairs is None:
                continue
            if misfits := [
                name
                for name in wrong
                if layer_of(name) != head
                or network.tensors[pairs[name]].shape[1:] != mine[name].shape[1:]
            ]:
                theirs, ours = network.tensors[pairs[misfits[0]]], mine[misfits[0]]
                raise InputError([shape_message(source, misfits[0], theirs, ours)])
            if wrong and not replace_head:
                theirs = network.tensors[pairs[wrong[0]]]
                raise InputError([class_mismatch_message(source, theirs, mine[wrong[0]])])
            if wrong:
                pairs = {name: other for name, other in pairs.items() if layer_of(name) != head}
            return MatchedWeights(
                tensors=select_tensors(network, pairs, way),
                normalization=network.normalization,
                new_head=head if wrong else "",
                notes=(
                    *describe_pairs(source, pairs, way),
                    *network.notes,
                    *(
                        [f"The last layer, {head}, is new: the file is for other classes."]
                        if wrong
                        else []
                    ),
                ),
            )
    raise InputError([mismatch_message(source, networks, mine)])


def select_tensors(network: Unwrapped, pairs: Pairs, way: "Way") -> dict[str, Tensor]:
    """Return the tensors of pairs under our names."""
    is_published = way.pair is pair_by_published_name
    tensors = with_newest_last(network.tensors) if is_published else network.tensors
    return {name: tensors[other] for name, other in pairs.items()}


def layer_of(name: str) -> str:
    """Return the name of the layer of a tensor."""
    return name.rpartition(".")[0]


def find_head(net: nn.Module) -> str:
    """Return the name of the last layer with a weight of classes and features; "": none."""
    names = [name for name, module in net.named_modules() if has_matrix(module)]
    return names[-1] if names else ""


def has_matrix(module: nn.Module) -> bool:
    """Return whether a layer has a weight (K, D), as linear and cosine heads do."""
    weight = getattr(module, "weight", None)
    return isinstance(weight, Tensor) and weight.dim() == 2


def wrong_shapes(
    pairs: Pairs, theirs: Mapping[str, Tensor], mine: Mapping[str, Tensor]
) -> list[str]:
    """Return our names of the pairs whose shapes differ."""
    return [name for name, other in pairs.items() if theirs[other].shape != mine[name].shape]


def without_counters(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors without the counters of BatchNorm."""
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(COUNTER)}


def pair_by_name(theirs: Mapping[str, Tensor], mine: Mapping[str, Tensor]) -> Pairs | None:
    """Return the pairs of equal names; `None`: one side has others."""
    if without_counters(theirs).keys() != without_counters(mine).keys():
        return None
    return {name: name for name in mine if name in theirs}


def pair_by_published_name(
    theirs: Mapping[str, Tensor], mine: Mapping[str, Tensor]
) -> Pairs | None:
    """Return the pairs whose names mean the same layer; `None`: there are others."""
    known = describe_tensors(without_counters(theirs))
    wanted = describe_tensors(without_counters(mine))
    if known is None or wanted is None or known.keys() != wanted.keys():
        return None
    return {wanted[key]: known[key] for key in wanted}


def pair_by_order(theirs: Mapping[str, Tensor], mine: Mapping[str, Tensor]) -> Pairs | None:
    """Return the pairs of tensors at the same place; `None`: places or shapes are ambiguous.

    If the orders differ, each tensor must have a shape that no other has.
    """
    given, wanted = without_counters(theirs), without_counters(mine)
    if [signature(*each) for each in given.items()] == [
        signature(*each) for each in wanted.items()
    ]:
        return dict(zip(wanted, given, strict=True))
    by_shape = {signature(*each): each[0] for each in given.items()}
    shapes = Counter(signature(*each) for each in wanted.items())
    is_unique = len(by_shape) == len(given) and max(shapes.values(), default=0) == 1
    if not is_unique or shapes.keys() != by_shape.keys():
        return None
    return {name: by_shape[signature(name, tensor)] for name, tensor in wanted.items()}


def signature(name: str, tensor: Tensor) -> tuple[str, tuple[int, ...]]:
    """Return the name of a tensor in its layer, and its shape."""
    return name.rpartition(".")[2], tuple(tensor.shape)


class Way(NamedTuple):
    """A way to match tensors.

    Attributes:
        description: The way, for the user.
        pair: Returns the pairs of their and our tensors. `None`: it fails.
    """

    description: str
    pair: Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Pairs | None]


WAYS = (
    Way("by name", pair_by_name),
    Way("by the names of published code", pair_by_published_name),
    Way("by order and shape", pair_by_order),
)
"""The ways, in the order in which they are tried."""


def describe_pairs(source: WeightsFile, pairs: Pairs, way: Way) -> Iterator[str]:
    """Yield what was read and how the tensors of a file were matched."""
    yield from source.notes
    moved = next(((mine, theirs) for mine, theirs in pairs.items() if mine != theirs), None)
    example = f": {moved[1]} is {moved[0]}" if moved else ""
    yield f"{len(pairs)} tensors of {source.file.name} are matched {way.description}{example}."
    if way.pair is pair_by_order:
        yield "Check the clean accuracy: layers of the same shape may be in another order."


def shape_message(source: WeightsFile, name: str, theirs: Tensor, mine: Tensor) -> str:
    """Return the message about weights of the same layers in other sizes."""
    return (
        f"weights: {source.file} is of another network: {name} must be {tuple(mine.shape)}, got "
        f"{tuple(theirs.shape)}; write the model=NAME and the knobs that it was trained with."
    )


def class_mismatch_message(source: WeightsFile, theirs: Tensor, mine: Tensor) -> str:
    """Return the message about weights for another number of classes."""
    return (
        f"weights: {source.file} is a network for {len(theirs)} classes, got data with "
        f"{len(mine)}; write data=NAME with as many."
    )


def mismatch_message(
    source: WeightsFile, networks: list[Unwrapped], mine: Mapping[str, Tensor]
) -> str:
    """Return the message about weights that do not fit, with the first tensors that differ."""
    theirs = max(networks, key=lambda each: len(each.tensors.keys() & mine.keys())).tensors
    shared = {
        name for name in theirs.keys() & mine.keys() if theirs[name].shape == mine[name].shape
    }
    sides = [
        {name: tensor for name, tensor in without_counters(side).items() if name not in shared}
        for side in (theirs, mine)
    ]
    given, wanted = map(show_tensors, sides)
    order = "" if source.is_ordered else " (safetensors keep no order of layers)"
    return (
        f"weights: {source.file} is of another network: it has {given}, where model= needs "
        f"{wanted}; neither names nor order and shapes match{order}. "
        "Write the model=NAME that it was trained with, or model=FILE.py with its code."
    )


def show_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Return the names and shapes of the first tensors, and how many there are."""
    shown = [f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items()][:N_SHOWN]
    more = f", ... ({len(tensors)} tensors)" if len(tensors) > N_SHOWN else ""
    return ", ".join(shown) + more if shown else "no others"
