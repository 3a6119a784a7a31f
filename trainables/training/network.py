"""The network that a configuration describes, with its activation, head and normalisation layer."""

from torch import nn

from trainables.bound_components import BoundModel
from trainables.data_pipeline.images import ImageFormat


def build_network(model: BoundModel, images: ImageFormat) -> nn.Module:
    """Return the network that the bound group `model` describes, on the CPU.

    Raises:
        TypeError: If a custom `build` returns something else.
    """
    built = model.build(images.shape, images.classes)
    if not isinstance(built, nn.Module):
        raise TypeError(f"build() must return a torch.nn.Module, got {built!r}")
    bare = model.with_head(model.with_activation(built))
    return model.with_normalization(bare, images.mean, images.std)
