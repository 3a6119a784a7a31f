"""BN-folded graph of a network in eval mode, which attacks differentiate faster.

Weights are constant during an attack, and BatchNorm is affine in eval mode. It is folded into the
convolution before it. Without one (pre-activation networks, sums) it becomes one multiplication and
addition. The graph is traced once per network. Its constants are refreshed for each attack, which
costs as much as one pass over the weights.
"""

from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from trainables.networks.graphed_network import GraphedNetwork
from trainables.networks.heads import CosineHead
from trainables.networks.memory_format import is_unsafe, with_channels_first
from trainables.networks.precision import (
    Network,
    compile_layers,
    find_networks,
    full_precision,
    is_mixed,
)


class FoldedConv(nn.Module):
    """A convolution and the BatchNorm after it, as one convolution."""

    def __init__(self, conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> None:
        super().__init__()
        self.sources = [conv, norm]  # in a list, so that torch does not register them as submodules
        self.stride, self.padding = conv.stride, conv.padding
        self.dilation, self.groups = conv.dilation, conv.groups
        self.contiguous = is_unsafe(conv)
        self.weight: Tensor | None = None
        self.bias: Tensor | None = None

    def refresh(self, dtype: torch.dtype | None) -> None:
        """Copy the current weights. `dtype` is `None`: keep their type."""
        conv, norm = self.sources
        assert isinstance(conv, nn.Conv2d)
        weight, bias = conv.weight.detach(), None if conv.bias is None else conv.bias.detach()
        if isinstance(norm, nn.BatchNorm2d):
            factor, shift = batchnorm_affine(norm)
            weight = weight * factor.view(-1, 1, 1, 1)
            bias = shift if bias is None else shift + bias * factor
        weight = with_channels_first(weight) if self.contiguous else weight
        dtype = dtype or weight.dtype
        self.weight = refreshed(self.weight, weight.to(dtype))
        self.bias = None if bias is None else refreshed(self.bias, bias.to(dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution (N, C', H', W') of features (N, C, H, W)."""
        assert self.weight is not None
        x = x.contiguous() if self.contiguous else x
        return F.conv2d(
            x, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups
        )


class FoldedNorm(nn.Module):
    """A BatchNorm without a convolution to fold it into, as an affine map."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.sources = [norm]
        self.factor: Tensor | None = None
        self.shift: Tensor | None = None

    def refresh(self, dtype: torch.dtype | None) -> None:
        """Copy the current weights. `dtype` is `None`: keep their type."""
        factor, shift = batchnorm_affine(self.sources[0])
        dtype = dtype or factor.dtype
        self.factor = refreshed(self.factor, factor.view(-1, 1, 1).to(dtype))
        self.shift = refreshed(self.shift, shift.view(-1, 1, 1).to(dtype))

    def forward(self, x: Tensor) -> Tensor:
        """Return features (N, C, H, W) with each channel scaled and shifted."""
        assert self.shift is not None
        assert self.factor is not None
        return torch.addcmul(self.shift, x, self.factor)


def refreshed(old: Tensor | None, new: Tensor) -> Tensor:
    """Return the constant `new`, at the address of the old one: CUDA graphs read it there."""
    fits = old is not None and (old.dtype, old.device) == (new.dtype, new.device)
    return old.copy_(new) if old is not None and fits else new


def batchnorm_affine(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return the factor and the shift of BatchNorm in eval mode, (C,) each."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = norm.weight.detach() / (norm.running_var + norm.eps).sqrt()
    return factor, norm.bias.detach() - norm.running_mean * factor


class Tracer(fx.Tracer):
    """A tracer that keeps torch's layers and the cosine head as single nodes."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Return whether a module is one node of the graph."""
        return isinstance(m, CosineHead) or super().is_leaf_module(m, module_qualified_name)


class FoldedView(nn.Module):
    """The BN-folded graph of a network; maps images (N, C, H, W) to logits (N, K)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        with full_precision(model):  # autocast cannot be traced
            graph = Tracer().trace(model)
        modules: dict[str, nn.Module] = dict(model.named_modules())
        for node in graph.nodes:
            if node.op == "call_module" and isinstance(modules[node.target], nn.BatchNorm2d):
                fold_batchnorm(node, modules)
        convolutions = {k: m for k, m in modules.items() if isinstance(m, nn.Conv2d)}
        modules |= {name: FoldedConv(conv, None) for name, conv in convolutions.items()}
        tensors = dict(model.named_parameters()) | dict(model.named_buffers())
        self.layers = Network(fx.GraphModule(modules | tensors, graph))
        if any(network.is_compiled for network in find_networks(model)):
            compile_layers(self.layers)
        self.graphed = GraphedNetwork(self)
        self.folded_layers = [m for m in modules.values() if isinstance(m, FoldedConv | FoldedNorm)]

    @torch.no_grad()
    def refresh(self, *, mixed: bool) -> None:
        """Copy the current weights and statistics of the network, in bf16 if `mixed`."""
        self.layers.is_mixed = mixed
        for layer in self.folded_layers:
            layer.refresh(torch.bfloat16 if mixed else None)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (N, K) of images (N, C, H, W)."""
        logits: Tensor = self.layers(x)
        return logits


def fold_batchnorm(node: fx.Node, modules: dict[str, nn.Module]) -> None:
    """Fold the BatchNorm at `node` into the convolution before it, or make it an affine layer."""
    norm = modules[str(node.target)]
    assert isinstance(norm, nn.BatchNorm2d)
    source_node = node.args[0]
    assert isinstance(source_node, fx.Node)
    conv = modules.get(str(source_node.target)) if source_node.op == "call_module" else None
    if isinstance(conv, nn.Conv2d) and len(source_node.users) == 1:
        modules[str(source_node.target)] = FoldedConv(conv, norm)
        modules[str(node.target)] = nn.Identity()
    else:
        modules[str(node.target)] = FoldedNorm(norm)


VIEWS: WeakKeyDictionary[nn.Module, dict[bool, FoldedView | None]] = WeakKeyDictionary()
"""The views of each network, in bf16 and not. `None`: it cannot be traced, as it branches."""


def folded_view(model: nn.Module, *, mixed: bool | None = None) -> nn.Module:
    """Return the BN-folded graph of `model`, which is in eval mode and frozen.

    Logits and gradients equal those of `model` up to rounding.

    Args:
        model: Maps images (N, C, H, W) to logits (N, K).
        mixed: Whether to compute in bf16. `None`: as `model` does.

    Returns:
        The view, or `model` itself if it cannot be traced.
    """
    mixed = is_mixed(model) if mixed is None else mixed
    views = VIEWS.setdefault(model, {})
    if mixed not in views:
        views[mixed] = trace_view(model)
    view = views[mixed]
    if view is None:
        return model
    view.refresh(mixed=mixed)
    return view


def graphed_view(model: nn.Module, *, mixed: bool | None = None) -> nn.Module:
    """Return the view as `folded_view` does; on a GPU as CUDA graphs, if the model allows them."""
    view = folded_view(model, mixed=mixed)
    networks = find_networks(model)
    allowed = networks and all(net.is_graphed and not net.is_compiled for net in networks)
    on_gpu = any(p.is_cuda for p in model.parameters())
    return view.graphed if isinstance(view, FoldedView) and allowed and on_gpu else view


def trace_view(model: nn.Module) -> FoldedView | None:
    """Return the view of a network. `None`: its graph depends on the input."""
    try:
        return FoldedView(model)
    except (fx.proxy.TraceError, TypeError, RuntimeError, AttributeError):
        return None
