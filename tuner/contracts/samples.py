"""Small networks, images and contexts with fixed seeds, on which members are checked."""

import torch
from torch import Generator, Tensor, nn

from trainables.bound_components import BoundMember
from trainables.criteria import cross_entropy
from trainables.injection import inject
from trainables.networks.teacher import Teacher
from trainables.protocols import AttackObjective, Criterion
from trainables.step_context import StepContext
from trainables.threat import Threat
from trainables.threats.linf import Linf

CLASSES = 5
SIZES = (1, 2, 7)
"""Batch sizes; the last batch of an epoch may be small."""
HEIGHT, WIDTH = 6, 4
"""Not square, so that swapped axes are found."""
EPS = 0.1


def build_network(classes: int = CLASSES) -> nn.Sequential:
    """Return a network with BatchNorm, for images (3, 6, 4)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        body = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten()]
        return nn.Sequential(*body, nn.Linear(4 * 4 * 2, classes))


def build_smooth_network(classes: int = CLASSES) -> nn.Sequential:
    """Return a network without BatchNorm and kinks, in float64."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first = nn.Linear(3 * HEIGHT * WIDTH, 4)
        layers = [nn.Flatten(), first, nn.Softplus(), nn.Linear(4, classes)]
        return nn.Sequential(*layers).double()


class SampleTeacher(nn.Module):
    """A network without weights, whose logits are waves of the first pixels."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, K) in the precision of the images."""
        return 2 * torch.sin(9 * x.flatten(1)[:, : self.classes])


def sample_batch(size: int, classes: int = CLASSES) -> tuple[Tensor, Tensor, Tensor]:
    """Return images (N, 3, 6, 4), others near them, and labels (N,)."""
    rng = Generator().manual_seed(1)
    x = torch.rand(size, 3, HEIGHT, WIDTH, generator=rng)
    y = torch.randint(0, classes, (size,), generator=rng)
    return x, (x + EPS).clamp(0, 1), y


def build_context(
    classes: int = CLASSES,
    *,
    threat: Threat | None = None,
    criterion: Criterion = cross_entropy.loss,
    seed: int = 0,
    network: nn.Module | None = None,
    n_images: int = 0,
) -> StepContext:
    """Return what the training loop supplies at a step, to a batch of all training images."""
    context = StepContext(
        threat=threat or Linf(eps=EPS),
        rng=Generator().manual_seed(seed),
        memory={},
        classes=classes,
        network=network or nn.Module(),
        index=torch.arange(n_images),
        n_images=n_images,
    )
    context.criterion = criterion
    teacher = SampleTeacher(classes)
    context.teacher = Teacher(find_network=lambda: teacher)
    return context


def outer_loss(
    member: BoundMember, model: nn.Module, x: Tensor, x_adv: Tensor, y: Tensor, *, classes: int
) -> Tensor:
    """Return the training loss of a method, with the same random numbers at each call."""
    loss: Tensor = inject(member["outer"], build_context(classes))(model, x, x_adv, y)
    return loss


def inner_objective(
    member: BoundMember, model: nn.Module, x: Tensor, y: Tensor, *, classes: int
) -> AttackObjective | None:
    """Return the objective of a method's attack on the network itself."""
    context = build_context(classes, network=model)
    objective: AttackObjective | None = inject(member["inner"], context)(model, x, y)
    return objective
