"""Training steps as the reference repositories write them, without anything of this project."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd import grad

from benchmarks.gpu.trials import EPS, STEP_SIZE

Step = Callable[[], object]


@dataclass(frozen=True)
class PlainTraining:
    """What a plain loop trains.

    Attributes:
        model: The network.
        optimizer: Its optimizer.
        forward: Images to logits in fp32, under autocast or not.
        x: A batch of images (N, C, H, W).
        y: Its labels (N,).
        attack_steps: Steps of PGD.
    """

    model: nn.Module
    optimizer: torch.optim.Optimizer
    forward: Callable[[Tensor], Tensor]
    x: Tensor
    y: Tensor
    attack_steps: int

    def descend(self, loss: Tensor) -> None:
        """Take one step down `loss`."""
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def train_on(self, x_adv: Tensor) -> None:
        """Take one step on attacked images."""
        self.descend(F.cross_entropy(self.forward(x_adv), self.y))

    def draw_start(self) -> Tensor:
        """Return a random perturbation that leaves pixels in [0, 1]."""
        return self.clip(torch.empty_like(self.x).uniform_(-EPS, EPS))

    def clip(self, delta: Tensor) -> Tensor:
        """Return a perturbation within the ball that leaves pixels in [0, 1]."""
        return (self.x + delta.clamp(-EPS, EPS)).clamp(0, 1) - self.x


def pgd_at_step(plain: PlainTraining) -> Step:
    """Return a step of PGD-AT, whose attack calls `loss.backward()` in train mode."""

    def step() -> None:
        delta = plain.draw_start().requires_grad_()
        for _ in range(plain.attack_steps):
            F.cross_entropy(plain.forward(plain.x + delta), plain.y).backward()
            assert delta.grad is not None
            delta.data = plain.clip((delta + STEP_SIZE * delta.grad.sign()).detach())
            delta.grad.zero_()
        plain.train_on(plain.x + delta.detach())

    return step


def trades_step(plain: PlainTraining) -> Step:
    """Return a step of TRADES, whose attack is in eval mode."""
    x, y, forward = plain.x, plain.y, plain.forward
    divergence = nn.KLDivLoss(reduction="sum")

    def step() -> None:
        plain.model.eval()
        x_adv = x.detach() + 0.001 * torch.randn_like(x)
        for _ in range(plain.attack_steps):
            x_adv.requires_grad_()
            shift = divergence(forward(x_adv).log_softmax(dim=1), forward(x).softmax(dim=1))
            (ascent,) = grad(shift, [x_adv])
            x_adv = x + plain.clip(x_adv.detach() + STEP_SIZE * ascent.sign() - x)
        plain.model.train()
        shift = divergence(forward(x_adv).log_softmax(dim=1), forward(x).softmax(dim=1))
        plain.descend(F.cross_entropy(forward(x), y) + 6.0 / len(x) * shift)

    return step


def fgsm_rs_step(plain: PlainTraining) -> Step:
    """Return a step of FGSM-RS."""

    def step() -> None:
        delta = plain.draw_start().requires_grad_()
        F.cross_entropy(plain.forward(plain.x + delta), plain.y).backward()
        assert delta.grad is not None
        plain.train_on(plain.x + plain.clip((delta + 1.25 * EPS * delta.grad.sign()).detach()))

    return step


def grad_align_step(plain: PlainTraining) -> Step:
    """Return a step of GradAlign, whose attack is FGSM and gives the first of two gradients."""
    x, y = plain.x, plain.y

    def step() -> None:
        clean = x.clone().requires_grad_()
        (here,) = grad(F.cross_entropy(plain.forward(clean), y), clean)
        nearby = (x + torch.empty_like(x).uniform_(-EPS, EPS)).requires_grad_()
        (there,) = grad(F.cross_entropy(plain.forward(nearby), y), nearby, create_graph=True)
        aligned = F.cosine_similarity(here.flatten(1), there.flatten(1)).mean()
        x_adv = x + plain.clip(EPS * here.sign())
        plain.descend(F.cross_entropy(plain.forward(x_adv), y) + 0.2 * (1 - aligned))

    return step


def free_step(plain: PlainTraining) -> Step:
    """Return a replay of Free, which keeps the perturbation."""
    delta = torch.zeros_like(plain.x)

    def step() -> None:
        x_adv = (plain.x + delta).clamp(0, 1).requires_grad_()
        plain.train_on(x_adv)
        assert x_adv.grad is not None
        delta.add_(EPS * x_adv.grad.sign()).clamp_(-EPS, EPS)

    return step


PLAIN_STEPS: dict[str, Callable[[PlainTraining], Step]] = {
    "PGD-AT": pgd_at_step,
    "TRADES": trades_step,
    "FGSM-RS": fgsm_rs_step,
    "GradAlign": grad_align_step,
    "Free": free_step,
}
"""The step of each method."""
