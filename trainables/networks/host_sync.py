"""Find operations that make the host wait for the device.

Such an operation cannot be captured in a CUDA graph, and outside of graphs it lets the GPU idle.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

aten = torch.ops.aten
SHAPE_FROM_VALUES = frozenset({
    aten._local_scalar_dense.default,  # item(), bool(), float(), int() of a tensor
    aten.nonzero.default,
    aten.masked_select.default,
    aten._unique2.default,
    aten.unique_dim.default,
    aten.unique_consecutive.default,
    aten.repeat_interleave.Tensor,
    aten.equal.default,
    aten.bincount.default,
    aten.multinomial.default,
})
"""Operations whose result the host needs, as a number or as the shape of a tensor."""
INDEXING = frozenset({aten.index.Tensor, aten.index_put.default, aten.index_put_.default})
"""Operations of that kind if an index is a mask."""


class HostSyncDetector(TorchDispatchMode):
    """Collects the operations inside the block that make the host wait for `device`.

    Attributes:
        device: The device; operations on other devices do not count.
        found: Names of the operations, in order.
    """

    def __init__(self, device: torch.device | str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.device = torch.device(device).type
        self.found: list[str] = []

    def __torch_dispatch__(
        self,
        func: torch._ops.OpOverload,
        types: object,
        args: tuple[object, ...] = (),
        kwargs: Mapping[str, object] | None = None,
    ) -> object:
        """Run an operation and record it if it waits."""
        result = func(*args, **(kwargs or {}))
        tensors = [t for t in pytree.tree_leaves((args, kwargs, result)) if isinstance(t, Tensor)]
        here = [t for t in tensors if t.device.type == self.device]
        crosses = len(here) < len(tensors) and func in COPIES | INDEXING
        crosses |= func is aten.lift_fresh.default and self.device != "cpu"  # torch.tensor()
        if here and (crosses or func in SHAPE_FROM_VALUES or masks(func, args)):
            self.found.append(str(func))
        return result


COPIES = frozenset({aten._to_copy.default, aten.copy_.default})
"""Operations that wait if they copy between devices; so does indexing."""


def masks(func: Callable[..., object], args: tuple[object, ...]) -> bool:
    """Return whether an operation indexes with a mask."""
    if func not in INDEXING:
        return False
    indices = args[1]
    assert isinstance(indices, list | tuple)
    return any(isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in indices)
