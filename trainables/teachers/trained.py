"""A network that is trained along, by the loss of the method and the optimizer of the trial.

As in learnable boundary guided adversarial training (Cui et al., arXiv:2011.11164).
"""

from collections.abc import Callable

from torch.nn import Module

from trainables.networks.teacher import ModelName, Teacher


def build(
    *, build_network: Callable[[str | None], Module], model: ModelName | None = None
) -> Teacher:
    """Return the teacher.

    Args:
        build_network: Returns a network with new weights of the model of a name.
        model: Name of the network; LBGAT uses a ResNet-18. `None`: that of the network in training.
    """
    network = build_network(model)
    return Teacher(find_network=lambda: network, is_trained=True)
