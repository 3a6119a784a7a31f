"""The update of a batch as one CUDA graph: attack, backward pass and optimizer step in one launch.

The GPU computes a step of a small network faster than Python can start its kernels one by one. A
CUDA graph records the kernels of a step once and starts all of them at once. It reads its inputs at
fixed addresses, so that images, labels, learning rate, radius and progress are copied there before
each step. Random numbers continue in the order of steps without a graph.

A step cannot be captured if the host waits for a result in it, for example to choose a branch.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from trainables.networks.cuda_graph import Graph
from trainables.networks.host_sync import HostSyncDetector
from trainables.networks.precision import tuned_kernels
from trainables.networks.teacher import Teacher
from trainables.protocols import WeightUpdate
from trainables.step_context import StepContext

WARM_UP_STEPS = 3
"""Steps before the capture, in which torch allocates states and cuDNN chooses its kernels."""


class GraphedUpdate:
    """Runs the updates of a trial, as a graph where possible.

    Batches of another shape than the first one, such as the last of an epoch, are run as usual.

    Attributes:
        obstacle: Why steps are not captured; empty: they are, or will be.
    """

    def __init__(
        self,
        model: Module,
        optimizer: Optimizer,
        new_graph: Callable[[], Graph],
        teacher: Teacher | None = None,
    ) -> None:
        """Prepare the updates of a network.

        Args:
            model: The network.
            optimizer: Its optimizer.
            new_graph: Returns an empty graph.
            teacher: Second network that the method learns from; `None`: there is none.
        """
        self.model, self.optimizer, self.new_graph = model, optimizer, new_graph
        trained = teacher.trained_network if teacher else None
        self.networks = [model, trained] if trained else [model]
        self.find_teacher = teacher.find_network if teacher else None
        self.obstacle = ""
        self.inputs: StepInputs | None = None
        self.forget()

    @property
    def outcome(self) -> str:
        """Whether steps are captured, or why not; "too few steps" before the first attempt."""
        return self.obstacle or ("captured" if self.is_captured else "too few steps")

    def forget(self) -> None:
        """Discard the graph; the next steps make a new one."""
        self.graph, self.is_captured, self.steps, self.passes = self.new_graph(), False, 0, 0
        self.loss, self.addresses = torch.zeros(()), frozenset[int]()
        self.captured_teacher: Module | None = None

    def begin_epoch(self, memory: dict[str, Tensor]) -> None:
        """Discard a graph of tensors that have been replaced, for example by a restored state."""
        if not self.is_captured:
            return
        # an average may be another network from now on
        teacher = self.find_teacher() if self.find_teacher else None
        if teacher is not self.captured_teacher or not (
            self.addresses <= self.current_addresses(memory)
        ):
            self.forget()

    def current_addresses(self, memory: dict[str, Tensor]) -> frozenset[int]:
        """Return the addresses of all tensors that a step may keep for the next one."""
        states = [t for state in self.optimizer.state.values() for t in state.values()]
        kept = [*self.network_tensors(), *states, *memory.values()]
        return frozenset(t.data_ptr() for t in kept if isinstance(t, Tensor))

    def network_tensors(self) -> list[Tensor]:
        """Return the parameters and buffers of the networks in training."""
        return [t for each in self.networks for t in (*each.parameters(), *each.buffers())]

    def run(
        self,
        update: WeightUpdate,
        context: StepContext,
        x: Tensor,
        y: Tensor,
        passes: list[int],
    ) -> Tensor:
        """Update the weights once and return the loss (scalar).

        Args:
            update: The update, which reads `context`.
            context: The values of this step.
            x: Images (N, C, H, W).
            y: Labels (N,) or probabilities (N, K).
            passes: Count of examples, which forward passes with gradients increase.
        """
        if self.inputs is None:
            self.inputs = StepInputs(x, y, context, len(self.optimizer.param_groups))
        inputs = self.inputs
        if self.obstacle or not inputs.fit(x, y):
            return update(self.model, self.optimizer, x, y)

        def take_step() -> Tensor:
            return update(self.model, self.optimizer, inputs.x, inputs.y)

        inputs.load(x, y, context, self.optimizer)
        # before the capture too: a resumed trial, which warms up again, has the same numbers
        with tuned_kernels(), inputs.in_place_of_numbers(context, self.optimizer):
            if not self.is_captured:
                self.steps += 1
                if self.steps < WARM_UP_STEPS:
                    return self.graph.warm_up(take_step)
                if self.steps == WARM_UP_STEPS:
                    return self.rehearse(take_step, x.device)
                if not self.try_capture(take_step, context, passes):
                    return take_step()  # the capture ran nothing
            self.graph.replay()
        passes[0] += self.passes
        return self.loss

    def rehearse(self, take_step: Callable[[], Tensor], device: torch.device) -> Tensor:
        """Take a step and look for operations that prevent its capture."""
        with HostSyncDetector(device) as detector:
            loss = self.graph.warm_up(take_step)
        if detector.found:
            self.obstacle = f"the host waits for {detector.found[0]}"
            self.graph.release()
        return loss

    def try_capture(
        self, take_step: Callable[[], Tensor], context: StepContext, passes: list[int]
    ) -> bool:
        """Capture a step; return whether it worked."""
        before, memory = passes[0], dict(context.memory)
        weights = [(t, t.data) for t in self.network_tensors()]
        addresses = self.current_addresses(memory)
        try:
            self.loss = self.graph.capture(take_step, context.rng)
        except RuntimeError as error:  # torch's, also if memory runs out
            self.obstacle = describe_cause(error)
        self.passes, passes[0] = passes[0] - before, before
        if not self.obstacle and self.current_addresses(context.memory) != addresses:
            self.obstacle = "a step replaces a tensor that the next one reads"
        if self.obstacle:
            context.memory.clear()
            context.memory.update(memory)
            for tensor, data in weights:
                tensor.data = data
            self.graph = self.new_graph()  # the memory of the failed one is free again
        self.graph.release()
        self.is_captured, self.addresses = not self.obstacle, addresses
        self.captured_teacher = self.find_teacher() if self.find_teacher else None
        return self.is_captured


def describe_cause(error: BaseException) -> str:
    """Return the first line of the error that made a capture fail; torch raises another one last.

    >>> try:
    ...     try:
    ...         raise RuntimeError("not permitted")
    ...     finally:
    ...         raise RuntimeError("failed due to a previous error")
    ... except RuntimeError as error:
    ...     describe_cause(error)
    'not permitted'
    """
    while isinstance(error.__context__, RuntimeError):
        error = error.__context__
    return str(error).partition("\n")[0]


class StepInputs:
    """The tensors from which a captured step reads what changes from step to step.

    Attributes:
        x: Images (N, C, H, W).
        y: Labels (N,) or probabilities (N, K).
        lrs: Learning rate of each group of parameters; fused optimizers read fp32.
        index: Rows of the images in the training split, (N,).
        source: Where their pixels come from; `None`: no component asks for it.
        eps: Radius. Like the next four it is a double, which has the value of a Python number.
        step_scale: Factor of the attack's step sizes.
        progress: Completed share of the run.
        epoch: Epochs finished before the step.
        step: Updates since the start of training.
    """

    def __init__(self, x: Tensor, y: Tensor, context: StepContext, n_groups: int) -> None:
        self.x, self.y = torch.empty_like(x), torch.empty_like(y)
        self.index = torch.empty_like(context.index)
        self.source = None if context.source is None else torch.empty_like(context.source)
        self.lrs = [torch.zeros((), device=x.device) for _ in range(n_groups)]
        self.eps, self.step_scale, self.progress, self.epoch, self.step = torch.zeros(
            5, device=x.device, dtype=torch.float64
        )

    def fit(self, x: Tensor, y: Tensor) -> bool:
        """Return whether a batch has the shape of the inputs."""
        return x.shape == self.x.shape and y.shape == self.y.shape and y.dtype == self.y.dtype

    def load(self, x: Tensor, y: Tensor, context: StepContext, optimizer: Optimizer) -> None:
        """Copy the values of a step."""
        self.x.copy_(x)
        self.y.copy_(y)
        self.index.copy_(context.index)
        if self.source is not None and context.source is not None:
            self.source.copy_(context.source)
        for lr, group in zip(self.lrs, optimizer.param_groups, strict=True):
            lr.fill_(group["lr"])
        self.eps.fill_(context.threat.eps)
        self.step_scale.fill_(context.threat.step_scale)
        self.progress.fill_(context.progress)
        self.epoch.fill_(context.epoch)
        self.step.fill_(context.step)

    @contextmanager
    def in_place_of_numbers(self, context: StepContext, optimizer: Optimizer) -> Iterator[None]:
        """Let `context` and `optimizer` have tensors in place of numbers inside the block."""
        fields = ("threat", "progress", "epoch", "step", "index", "source")
        values = {name: getattr(context, name) for name in fields}
        before = [dict(group) for group in optimizer.param_groups]
        # a tensor without dimensions computes like a number
        context.threat = replace(
            context.threat, eps=cast(float, self.eps), step_scale=cast(float, self.step_scale)
        )
        context.progress = cast(float, self.progress)
        context.epoch, context.step = cast(int, self.epoch), cast(int, self.step)
        context.index, context.source = self.index, self.source
        for lr, group in zip(self.lrs, optimizer.param_groups, strict=True):
            group |= {"lr": lr} | ({"capturable": True} if "capturable" in group else {})
        try:
            yield
        finally:
            for name, value in values.items():
                setattr(context, name, value)
            for group, old in zip(optimizer.param_groups, before, strict=True):
                group |= {key: old[key] for key in ("lr", "capturable") if key in old}
