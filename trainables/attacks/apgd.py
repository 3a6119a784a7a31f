"""Auto-PGD for training: steps that adapt to each image (Croce and Hein, 2022, arXiv:2105.12508).

The short version of Auto-PGD (arXiv:2003.01690, and arXiv:2103.01208 in the l1 norm). It starts at
the image, and returns the point with the largest objective.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.hparams.ranges import Count
from trainables.protocols import AttackObjective
from trainables.threat import Threat
from trainables.threats.l1 import L1, sparse_step

GRADIENT_STEPS = "steps"
FIRST_INTERVAL, SHORTER, SHORTEST, RISING = 0.22, 0.03, 0.06, 0.75
"""First interval between two adaptations as a share of the steps, how much each is shorter than the
one before, the shortest, and the share of steps in it that must have raised the objective."""
L1_INTERVAL, FEWER, DENSER, L1_SHORTEST = 0.04, 0.95, 1.5, 0.1
"""The same in the l1 norm: interval; share of changed values that counts as fewer than before;
factor between changed values and those of a step, and between steps; shortest step in eps."""


@dataclass(kw_only=True)
class Run:
    """Where the attack on each image of a batch is.

    Attributes:
        x_adv: Points (N, ...).
        grad: Gradients of the objective there.
        best: Points with the largest objective so far.
        best_grad: Gradients there.
        best_value: Objective there, (N,).
        length: Lengths of the next step, (N, 1, ...).
    """

    x_adv: Tensor
    grad: Tensor
    best: Tensor
    best_grad: Tensor
    best_value: Tensor
    length: Tensor

    def return_to_best(self, rows: Tensor) -> None:
        """Continue from the best points where `rows` (N,) is true."""
        chosen = rows.view_as(self.length)
        self.x_adv = torch.where(chosen, self.best, self.x_adv)
        self.grad = torch.where(chosen, self.best_grad, self.grad)

    def move(self, x_adv: Tensor, value: Tensor, grad: Tensor) -> None:
        """Take over the points after a step, with their objective (N,) and gradients."""
        is_better = value > self.best_value
        chosen = is_better.view_as(self.length)
        self.x_adv, self.grad = x_adv, grad
        self.best = torch.where(chosen, x_adv, self.best)
        self.best_grad = torch.where(chosen, grad, self.best_grad)
        self.best_value = torch.where(is_better, value, self.best_value)


def perturb(
    objective: AttackObjective, x: Tensor, y: Tensor, *, threat: Threat, steps: Count = 10
) -> Tensor:
    """Return inputs near `x` where `objective` is large.

    Args:
        objective: What to maximise.
        x: Clean inputs (N, ...) in [0, 1].
        y: Labels (N,); unused.
        threat: The set of allowed perturbations. In l1, the number of values that a step changes
            follows the perturbation so far; it begins with `threat.density`.
        steps: Gradient evaluations. The objective is evaluated once more, at the last point.

    Returns:
        Allowed inputs (N, ...), detached.
    """
    return run_from(objective, x.detach(), x.detach(), threat, steps)


def run_from(
    objective: AttackObjective, start: Tensor, x: Tensor, threat: Threat, steps: int
) -> Tensor:
    """Return the best points (N, ...) of a run that begins at `start`, which must be allowed."""
    value, grad = evaluate(objective, start)
    first = (1 if isinstance(threat, L1) else 2) * torch.as_tensor(
        threat.eps, dtype=x.dtype, device=x.device
    )
    length = first.expand(len(x)).view(-1, *[1] * (x.dim() - 1)).clone()
    run = Run(x_adv=start, grad=grad, best=start, best_grad=grad, best_value=value, length=length)
    if isinstance(threat, L1):
        take_sparse_steps(objective, run, x, threat, steps)
    else:
        take_steps(objective, run, x, threat, steps)
    return run.best


def evaluate(
    objective: AttackObjective, x_adv: Tensor, *, is_last: bool = False
) -> tuple[Tensor, Tensor]:
    """Return the objective (N,) and its gradients (N, ...); these are 0 at the last point."""
    if is_last:
        with torch.no_grad():
            return objective(x_adv)[0], torch.zeros_like(x_adv)
    x_adv = x_adv.detach().requires_grad_()
    value, _ = objective(x_adv)
    (grad,) = torch.autograd.grad(value.sum(), x_adv)
    return value.detach(), grad


def take_steps(objective: AttackObjective, run: Run, x: Tensor, threat: Threat, steps: int) -> None:
    """Take steps with momentum, which are halved where the objective stops rising."""
    interval, shortest = max(int(FIRST_INTERVAL * steps), 1), max(int(SHORTEST * steps), 1)
    previous, before = run.x_adv, torch.full_like(run.best_value, -torch.inf)
    rises, since, best_then = torch.zeros_like(before), 0, run.best_value
    was_halved = torch.ones_like(before, dtype=torch.bool)
    for step in range(steps):
        share = 0.75 if step else 1.0
        old, here = previous, run.x_adv
        target = threat.project(here + run.length * threat.steepest_step(run.grad), x)
        moved = here + share * (target - here) + (1 - share) * (here - old)
        value, grad = evaluate(objective, threat.project(moved, x), is_last=step == steps - 1)
        run.move(threat.project(moved, x), value, grad)
        previous, rises, before, since = here, rises + (value > before), value, since + 1
        if since == interval:
            halved = (rises <= RISING * interval) | (~was_halved & (best_then >= run.best_value))
            run.length = torch.where(halved.view_as(run.length), run.length / 2, run.length)
            run.return_to_best(halved)
            was_halved, best_then, rises, since = halved, run.best_value, 0 * rises, 0
            interval = max(interval - max(int(SHORTER * steps), 1), shortest)


def take_sparse_steps(
    objective: AttackObjective, run: Run, x: Tensor, threat: L1, steps: int
) -> None:
    """Take steps in the l1 norm, which change the fewer values the sparser the best points are."""
    interval, since, n_values = max(int(L1_INTERVAL * steps), 1), 0, x[0].numel()
    longest = run.length.clone()
    density = torch.full_like(run.best_value, threat.density)
    changed = torch.full_like(density, n_values)
    for step in range(steps):
        x_adv = threat.project(run.x_adv + run.length * sparse_step(run.grad, density), x)
        value, grad = evaluate(objective, x_adv, is_last=step == steps - 1)
        run.move(x_adv, value, grad)
        since += 1
        if since == interval:
            now = (run.best != x).flatten(1).sum(dim=1).to(density.dtype)
            sparser = now / changed < FEWER
            density, changed, since = now / n_values / DENSER, now, 0
            shorter = (run.length / DENSER).clamp(min=L1_SHORTEST * longest)
            run.length = torch.where(sparser.view_as(longest), longest, shorter)
            run.return_to_best(sparser)
