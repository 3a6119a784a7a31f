"""A stand-in for a CUDA graph on the CPU: records operations and repeats them on the same tensors.

Like a graph it fixes addresses, shapes, Python numbers and branches at the capture, runs nothing
during it, and draws new random numbers at each replay. So a step that gives the same numbers with
it does not depend on anything else that changes from step to step.
"""

import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import TorchDispatchMode

BATCH_NORM = torch.ops.aten.native_batch_norm.default
"""Changes its running statistics without declaring it."""


class Recorder(TorchDispatchMode):
    """Records each operation with its tensors, and what it overwrites of older tensors."""

    def __init__(self):
        super().__init__()
        self.operations, self.overwritten, self.own = [], {}, set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for tensor in written_tensors(func, args, kwargs):
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in self.own | self.overwritten.keys():
                self.overwritten[storage.data_ptr()] = (storage, storage.clone())
        result = func(*args, **kwargs)
        aliased = any(r.alias_info is not None for r in func._schema.returns)
        if not aliased:
            tensors = [t for t in pytree.tree_leaves(result) if isinstance(t, Tensor)]
            self.own |= {t.untyped_storage().data_ptr() for t in tensors}
        writes = len([*written_tensors(func, args, kwargs)]) > 0
        if writes or not aliased:
            self.operations.append((func, args, kwargs, None if aliased else result))
        return result


def written_tensors(func, args, kwargs):
    """Yield the tensors that an operation overwrites."""
    names = func._schema.arguments
    values = [*args, *(kwargs.get(a.name) for a in names[len(args) :])]
    for argument, value in zip(names, values, strict=False):
        if argument.alias_info is not None and argument.alias_info.is_write:
            yield from (t for t in pytree.tree_leaves(value) if isinstance(t, Tensor))
    if func is BATCH_NORM:
        yield from (t for t in args[3:5] if t is not None)


class OpTape:
    """The interface of a graph."""

    def __init__(self, pool=None):
        self.operations, self.replays = [], 0

    def warm_up(self, function):
        return function()

    def release(self):
        pass

    def is_faster(self, replay, function):
        return True

    def capture(self, function, rng=None):
        rng = torch.default_generator if rng is None else rng
        before, global_before = rng.get_state(), torch.get_rng_state()
        recorder = Recorder()
        try:
            with recorder:
                result = function()
        finally:
            torch.set_rng_state(global_before)
            rng.set_state(before)
            for storage, content in recorder.overwritten.values():
                storage.copy_(content)
        self.operations = recorder.operations
        return result

    def replay(self):
        self.replays += 1
        with torch.no_grad():
            for func, args, kwargs, result in self.operations:
                new = func(*args, **kwargs)
                for old, fresh in zip(
                    pytree.tree_leaves(result), pytree.tree_leaves(new), strict=False
                ):
                    if isinstance(old, Tensor):
                        old.detach().copy_(fresh)
