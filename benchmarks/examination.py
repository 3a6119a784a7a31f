"""Cost of a validation attack: `uv run python -m benchmarks.examination [FOLDER...]`.

PGD-10 beside a plain loop that attacks every image to the end by `loss.backward()`. In turn, for
several rounds; the result is the median of the ratios. Untrained networks are attacked at a radius
to which about half of the images are robust. Their predictions are the labels, so that no image is
misclassified before the attack. With FOLDERs, the winners of those searches are attacked instead,
on test images, at the radius that they were trained for.
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

from trainables.binding import bind_member, bound_model
from trainables.components import GROUPS
from trainables.data_pipeline.images import ImageFormat, Images
from trainables.networks.memory_format import to_channels_last
from trainables.robustness.validation_attack import measure_accuracies
from trainables.threat import Threat
from trainables.threats.linf import Linf
from trainables.training.network import build_network
from tuner.config.settings import count_cores
from tuner.evaluation.prepare import prepare_evaluation

ROUNDS, N_IMAGES, STEPS = 5, 200, 10
NETWORKS = {"preact_resnet18": (3, 32, 32), "resnet18": (3, 32, 32), "small_cnn": (1, 28, 28)}


def main(folders: list[str]) -> None:
    """Measure every network, print the ratios and keep them."""
    torch.set_num_threads(count_cores())
    torch.manual_seed(0)
    if folders:
        kept = {f"winner of {Path(folder).name}": measure_winner(folder) for folder in folders}
    else:
        kept = {name: measure_fresh(name, shape) for name, shape in NETWORKS.items()}
    hardware = f"{count_cores()}-core-{platform.machine()}"
    about = {"date": str(date.today()), "hardware": hardware, "images": N_IMAGES, "rounds": ROUNDS}
    path = Path(__file__).parent / f"examination_{hardware}_{date.today()}.json"
    path.write_text(json.dumps(about | kept, indent=1) + "\n")


def measure_fresh(name: str, shape: tuple[int, int, int]) -> dict[str, float]:
    """Return the cost for an untrained network."""
    settings = ImageFormat(shape=shape, classes=10, mean=(0.5,) * shape[0], std=(0.25,) * shape[0])
    model = build_network(bound_model(bind_member(GROUPS["model"], name, {})), settings).eval()
    x = torch.randint(256, (N_IMAGES, *shape), dtype=torch.uint8)
    with torch.no_grad():
        images = Images(x=x, y=model(x.float() / 255).argmax(dim=1))
    return measure_attack(name, model, images, Linf(eps=find_halving_eps(model, images)))


def measure_winner(folder: str) -> dict[str, float]:
    """Return the cost for the winner of a search."""
    evaluation = prepare_evaluation([folder], {"images": N_IMAGES}, [])
    model = evaluation.checkpoints[0].load()
    return measure_attack(folder, model, evaluation.images, evaluation.threat)


def measure_attack(name: str, model: nn.Module, images: Images, threat: Threat) -> dict[str, float]:
    """Return the seconds of both, the ratio, and how many images were robust."""
    ours, plain = [], []
    for _ in range(ROUNDS):
        to_channels_last(model)
        start = time.perf_counter()
        accuracies = measure_accuracies(model, images, threat=threat, steps=STEPS)
        ours.append(time.perf_counter() - start)
        model.to(memory_format=torch.contiguous_format)
        start = time.perf_counter()
        evaluate_plain_loop(model, images, threat.eps)
        plain.append(time.perf_counter() - start)
    ratio = median(one / other for one, other in zip(ours, plain, strict=True))
    speed = f"{median(ours):.2f} s, {ratio:.3f} of the plain loop"
    print(f"{name}: robust {accuracies.robust:.2f}, {speed}")
    return {
        "clean_accuracy": accuracies.clean,
        "robust_accuracy": accuracies.robust,
        "seconds": round(median(ours), 3),
        "plain_loop_seconds": round(median(plain), 3),
        "ratio": round(ratio, 3),
    }


def find_halving_eps(model: nn.Module, images: Images) -> float:
    """Return a radius to which about half of the images are robust."""
    low, high = 0.0, 0.5
    for _ in range(8):
        middle = (low + high) / 2
        robust = measure_accuracies(model, images, threat=Linf(eps=middle), steps=STEPS).robust
        low, high = (middle, high) if robust > 0.5 else (low, middle)
    return (low + high) / 2


def evaluate_plain_loop(model: nn.Module, images: Images, eps: float) -> float:
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
