"""A network from a file, which stays as it is (as in distillation, arXiv:1503.02531)."""

from collections.abc import Callable

from torch.nn import Module

from trainables.hparams.ranges import PathText
from trainables.networks.teacher import ModelName, Teacher


def build(
    *,
    load_network: Callable[[str, str | None], Module],
    weights: PathText,
    model: ModelName | None = None,
) -> Teacher:
    """Return the teacher.

    Args:
        load_network: Returns the network of a file and of the model of a name.
        weights: File of the weights, of this project or of others, as for `init=`.
        model: Name of the network. `None`: the one that the file describes, or else the network in
            training.
    """
    network = load_network(weights, model).eval()
    return Teacher(find_network=lambda: network)
