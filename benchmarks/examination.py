"""What an examination costs: `uv run python -m benchmarks.examination [FOLDER...]`.

PGD-10 beside a plain loop that attacks every image to the end by `loss.backward()`. In turn, for
several rounds; what counts is the median of the ratios. Fresh networks are attacked at a radius
that about half of the images withstand, and their answers are the labels, so that none is wrong to
begin with. With FOLDERs it is the winners of those searches instead, on test images, at the radius
that they were trained for.
"""

import json
import platform
import sys
import time
from datetime import date
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn

from trainables.bind import filled
from trainables.bound_components import bound_model
from trainables.exam import accuracies
from trainables.groups import GROUPS
from trainables.images import Format, Images
from trainables.memory_format import to_channels_last
from trainables.threat import Threat
from trainables.threats.linf import Linf
from trainables.trial import network
from tuner.evaluation import prepared
from tuner.settings import cores

ROUNDS, NUMBER, STEPS = 5, 200, 10
NETWORKS = {"preact_resnet18": (3, 32, 32), "resnet18": (3, 32, 32), "small_cnn": (1, 28, 28)}


def main(folders: list[str]) -> None:
    """Measure every network, print the ratios and keep them."""
    torch.set_num_threads(cores())
    torch.manual_seed(0)
    if folders:
        kept = {f"winner of {Path(folder).name}": trained(folder) for folder in folders}
    else:
        kept = {name: fresh(name, shape) for name, shape in NETWORKS.items()}
    hardware = f"{cores()}-core-{platform.machine()}"
    about = {"date": str(date.today()), "hardware": hardware, "images": NUMBER, "rounds": ROUNDS}
    path = Path(__file__).parent / f"examination_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(about | kept, indent=1) + "\n")


def fresh(name: str, shape: tuple[int, int, int]) -> dict[str, float]:
    """Return what a network that was never trained costs."""
    settings = Format(shape=shape, classes=10, mean=(0.5,) * shape[0], std=(0.25,) * shape[0])
    model = network(bound_model(filled(GROUPS["model"], name, {})), settings).eval()
    x = torch.randint(256, (NUMBER, *shape), dtype=torch.uint8)
    with torch.no_grad():
        images = Images(x=x, y=model(x.float() / 255).argmax(dim=1))
    return measured(name, model, images, Linf(eps=halving(model, images)))


def trained(folder: str) -> dict[str, float]:
    """Return what the winner of a search costs."""
    evaluation = prepared([folder], {"images": NUMBER}, [])
    model = evaluation.candidates[0].load()
    return measured(folder, model, evaluation.images, evaluation.threat)


def measured(name: str, model: nn.Module, images: Images, threat: Threat) -> dict[str, float]:
    """Return the seconds of both, the ratio, and how many images withstood."""
    ours, plain = [], []
    for _ in range(ROUNDS):
        to_channels_last(model)
        start = time.perf_counter()
        clean, robust = accuracies(model, images, threat=threat, steps=STEPS)
        ours.append(time.perf_counter() - start)
        model.to(memory_format=torch.contiguous_format)
        start = time.perf_counter()
        loop(model, images, threat.eps)
        plain.append(time.perf_counter() - start)
    ratio = median(one / other for one, other in zip(ours, plain, strict=True))
    print(f"{name}: robust {robust:.2f}, {median(ours):.2f} s, {ratio:.3f} of the plain loop")
    return {
        "clean_accuracy": clean,
        "robust_accuracy": robust,
        "seconds": round(median(ours), 3),
        "plain_loop_seconds": round(median(plain), 3),
        "ratio": round(ratio, 3),
    }


def halving(model: nn.Module, images: Images) -> float:
    """Return a radius that about half of the images withstand."""
    low, high = 0.0, 0.5
    for _ in range(8):
        middle = (low + high) / 2
        _, robust = accuracies(model, images, threat=Linf(eps=middle), steps=STEPS)
        low, high = (middle, high) if robust > 0.5 else (low, middle)
    return (low + high) / 2


def loop(model: nn.Module, images: Images, eps: float) -> float:
    """Return the robust accuracy as the reference repositories compute it."""
    x, y = images.x.float() / 255, images.y
    delta = torch.empty_like(x).uniform_(-eps, eps).requires_grad_()
    for _ in range(STEPS):
        F.cross_entropy(model(x + delta), y).backward()
        assert delta.grad is not None
        moved = (delta + eps / 4 * delta.grad.sign()).detach().clamp(-eps, eps)
        delta.data = (x + moved).clamp(0, 1) - x
        delta.grad.zero_()
    with torch.no_grad():
        return float((model(x + delta).argmax(dim=1) == y).float().mean())


if __name__ == "__main__":
    main(sys.argv[1:])
