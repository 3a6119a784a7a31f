"""The contenders of a training step: plain loops, torchattacks, ours, convolutions alone."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.gpu.device import TORCH_DEFAULTS, KernelSettings, capture
from benchmarks.gpu.plain_loops import PLAIN_STEPS, PlainTraining, Step
from benchmarks.gpu.settings import NetworkSettings, Settings
from benchmarks.gpu.trials import (
    EPS,
    LR,
    STEP_SIZE,
    OurCall,
    build_trial,
    draw_batch,
)

PLAIN, TORCHATTACKS, OURS = "plain loop", "torchattacks", "attuner"
TUNED = TORCH_DEFAULTS._replace(matmul="high", benchmark=True)
AUTO = "auto"
PRECISIONS = (AUTO, "bf16", "tf32", "fp32")
METHODS: dict[str, dict[str, Any]] = {
    "PGD-AT": {},
    "TRADES": {
        "method": {"name": "trades"},
        "attack": {"name": "pgd", "step_size": STEP_SIZE, "start": "gaussian"}
        | {"project_start": False},
    },
    "FGSM-RS": {"attack": {"name": "fgsm_rs"}},
    "GradAlign": {
        "method": {"name": "grad_align"},
        "attack": {"name": "fgsm"},
        "update": {"name": "alternate", "mode": "train"},
    },
    "Free": {"update": {"name": "free", "replays": 1}},
}
"""What differs from the configuration of PGD-AT, with the companions that a search would choose."""

Builders = dict[str, Callable[[], Step]]
"""Functions that build the call of each contender: so many updates, by name."""


def ours(precision: str = AUTO, *, graphs: bool = True) -> str:
    """Return the name of a contender of this project.

    >>> ours(), ours("bf16"), ours("bf16", graphs=False)
    ('attuner', 'attuner bf16', 'attuner bf16, no graphs')
    """
    name = OURS if precision == AUTO else f"{OURS} {precision}"
    return name if graphs else f"{name}, no graphs"


def pgd_builders(settings: Settings, network: NetworkSettings) -> Builders:
    """Return all contenders of a PGD-AT step, those that matter most first."""
    plain = partial(build_plain_call, settings, network, "PGD-AT")
    found: Builders = {PLAIN: plain, f"{PLAIN}, tuned": partial(plain, tuned=True)}
    found[TORCHATTACKS] = partial(build_torchattacks_call, settings, network)
    for precision in PRECISIONS:
        for graphs in (True, False):
            changes = {"precision": precision, "graphs": AUTO if graphs else False}
            found[ours(precision, graphs=graphs)] = partial(OurCall, settings, network, changes)
    if settings.with_compile:
        found[f"{PLAIN}, tuned, compiled"] = partial(plain, tuned=True, compiled=True)
    return found


def method_builders(settings: Settings, network: NetworkSettings, method: str) -> Builders:
    """Return the contenders of a step of another method."""
    changes = method_changes(settings, method)
    found: Builders = {PLAIN: partial(build_plain_call, settings, network, method)}
    for graphs in (True, False):
        found[ours(graphs=graphs)] = partial(
            OurCall, settings, network, changes | {"graphs": AUTO if graphs else False}
        )
    return found


def method_changes(settings: Settings, method: str) -> dict[str, Any]:
    """Return the groups of a method's configuration that differ from those of PGD-AT."""
    changes = dict(METHODS[method])
    if changes.get("attack", {}).get("name") == "pgd":
        changes["attack"] = changes["attack"] | {"steps": settings.attack_steps}
    return changes


def floor_builders(settings: Settings, network: NetworkSettings) -> Builders:
    """Return the plain loop and the convolutions alone, as graphs."""
    floor = partial(build_floor_call, settings, network)
    return {
        PLAIN: partial(build_plain_call, settings, network, "PGD-AT"),
        "convolutions bf16": partial(floor, torch.bfloat16),
        "convolutions tf32": partial(floor, torch.float32),
    }


def repeat(step: Step, times: int, kernels: KernelSettings) -> Step:
    """Return a call that takes a step some times with these kernels."""

    def call() -> None:
        kernels.apply()
        for _ in range(times):
            step()

    return call


def build_network(settings: Settings, network: NetworkSettings) -> nn.Module:
    """Return a network in train mode, in torch's memory format."""
    trial = build_trial(settings, network, {"precision": "fp32"}, images=settings.batch_size)
    TORCH_DEFAULTS.apply()
    return trial.model.to(memory_format=torch.contiguous_format).train()


def build_optimizer(model: nn.Module) -> torch.optim.Optimizer:
    """Return the optimizer of a plain loop."""
    return torch.optim.SGD(model.parameters(), lr=LR, momentum=0.9, weight_decay=5e-4)


def build_plain_call(
    settings: Settings,
    network: NetworkSettings,
    method: str,
    *,
    tuned: bool = False,
    compiled: bool = False,
) -> Step:
    """Return the call of a plain loop.

    Args:
        settings: Device and sizes.
        network: The network.
        method: The method.
        tuned: Whether it uses bf16, channels last, TF32 and kernels that cuDNN has timed.
        compiled: Whether torch compiles the network.
    """
    model = build_network(settings, network)
    x, y = draw_batch(settings, network)
    if tuned:
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    if compiled:
        model.compile()

    def forward(images: Tensor) -> Tensor:
        with torch.autocast(settings.device, torch.bfloat16, enabled=tuned):
            logits: Tensor = model(images)
        return logits.float()

    plain = PlainTraining(model, build_optimizer(model), forward, x, y, settings.attack_steps)
    kernels = TUNED if tuned else TORCH_DEFAULTS
    return repeat(PLAIN_STEPS[method](plain), settings.steps_per_call, kernels)


def build_torchattacks_call(settings: Settings, network: NetworkSettings) -> Step:
    """Return the call of a plain loop with torchattacks' PGD, which attacks in eval mode."""
    from torchattacks import PGD  # noqa: PLC0415  # optional: the GPU machine may lack it

    model = build_network(settings, network)
    x, y = draw_batch(settings, network)
    optimizer = build_optimizer(model)
    attack = PGD(model, eps=EPS, alpha=STEP_SIZE, steps=settings.attack_steps)

    def step() -> None:
        x_adv = attack(x, y)
        optimizer.zero_grad()
        F.cross_entropy(model(x_adv), y).backward()
        optimizer.step()

    return repeat(step, settings.steps_per_call, TORCH_DEFAULTS)


def build_floor_call(settings: Settings, network: NetworkSettings, dtype: torch.dtype) -> Step:
    """Return the convolutions of the updates of a call, as a graph: a lower bound of the time."""
    calls = [
        (conv.to(dtype), features.to(dtype), gradient.to(dtype))
        for conv, features, gradient in record_convolutions(settings, network)
    ]

    @torch.no_grad()
    def step() -> None:
        for number in range(settings.attack_steps + 1):
            # gradients of images; of weights in the last pass
            wanted = [True, number == settings.attack_steps, False]
            for conv, features, gradient in calls:
                arguments: Mapping[str, Any] = {
                    key: getattr(conv, key) for key in ("stride", "padding", "dilation", "groups")
                }
                F.conv2d(features, conv.weight, None, **arguments)
                torch.ops.aten.convolution_backward(
                    gradient,
                    features,
                    conv.weight,
                    None,
                    **arguments,
                    transposed=False,
                    output_padding=[0, 0],
                    output_mask=wanted,
                )

    TUNED.apply()
    return repeat(capture(step, settings.device), settings.steps_per_call, TUNED)


def record_convolutions(
    settings: Settings, network: NetworkSettings
) -> list[tuple[nn.Conv2d, Tensor, Tensor]]:
    """Return each convolution with features and gradients of the shapes that it meets."""
    model = build_network(settings, network).to(memory_format=torch.channels_last)
    found: list[tuple[nn.Conv2d, Tensor, Tensor]] = []

    def note(conv: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        assert isinstance(conv, nn.Conv2d)
        features, gradient = (
            torch.rand_like(t).contiguous(memory_format=torch.channels_last)
            for t in (inputs[0], output)
        )
        found.append((conv, features, gradient))

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(note)
    with torch.no_grad():
        model.eval()(draw_batch(settings, network)[0])
    return found
