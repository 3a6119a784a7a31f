"""What an examination costs: `uv run python -m benchmarks.examination`.

PGD-10 at a radius where about half of the images withstand, beside a plain loop that attacks every
image to the end by `loss.backward()`. In turn, for several rounds; what counts is the median of the
ratios. The networks are fresh, and the labels are what they answer: time does not depend on that.
"""

import json
import platform
import time
from datetime import date
from pathlib import Path
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn

from trainables.bind import filled
from trainables.exam import accuracies
from trainables.groups import GROUPS
from trainables.images import Format, Images
from trainables.threats.linf import Linf
from trainables.trial import network
from tuner.settings import cores

ROUNDS, NUMBER, STEPS = 5, 200, 10
NETWORKS = {"preact_resnet18": (3, 32, 32), "resnet18": (3, 32, 32), "small_cnn": (1, 28, 28)}


def main() -> None:
    """Measure every network, print the ratios and keep them."""
    torch.set_num_threads(cores())
    torch.manual_seed(0)
    kept = {name: measured(name, shape) for name, shape in NETWORKS.items()}
    hardware = f"{cores()}-core-{platform.machine()}"
    about = {"date": str(date.today()), "hardware": hardware, "images": NUMBER, "rounds": ROUNDS}
    path = Path(__file__).parent / f"examination_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(about | kept, indent=1) + "\n")


def measured(name: str, shape: tuple[int, int, int]) -> dict[str, float]:
    """Return the seconds of both, the ratio, and how many images withstood."""
    settings = Format(shape=shape, classes=10, mean=(0.5,) * shape[0], std=(0.25,) * shape[0])
    model = network(filled(GROUPS["model"], name, {}), settings).eval()
    model.to(memory_format=torch.channels_last)
    x = torch.randint(256, (NUMBER, *shape), dtype=torch.uint8)
    with torch.no_grad():
        images = Images(x=x, y=model(x.float() / 255).argmax(dim=1))
    threat = Linf(eps=halving(model, images))
    ours, plain = [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        _, robust = accuracies(model, images, threat=threat, steps=STEPS)
        middle = time.perf_counter()
        loop(model, images, threat.eps)
        ours.append(middle - start)
        plain.append(time.perf_counter() - middle)
    ratio = median(one / other for one, other in zip(ours, plain, strict=True))
    print(f"{name}: robust {robust:.2f}, {median(ours):.2f} s, {ratio:.3f} of the plain loop")
    return {
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
    main()
