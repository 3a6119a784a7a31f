"""Free adversarial training by hand."""

import torch

from tests.oracles import Halfspace
from trainables.attacks import fgsm
from trainables.criteria import cross_entropy
from trainables.methods import pgd_at
from trainables.protocols import BoundMethod
from trainables.threats.linf import Linf
from trainables.updates import free


def step(model, x, y, memory, lr=0.0):
    def outer(model, x, x_adv, y):
        return pgd_at.outer(model, x, x_adv, y, criterion=cross_entropy.loss)

    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    method = BoundMethod(inner=pgd_at.inner, outer=outer)
    return free.update(model, optimizer, x, y, method=method, threat=Linf(eps=0.1), memory=memory)


def test_the_first_step_is_at_the_image_and_the_next_at_fgsms_point():
    model, x, y, memory = Halfspace(torch.ones(1)), torch.tensor([[0.5]]), torch.tensor([1]), {}
    first, second = step(model, x, y, memory), step(model, x, y, memory)
    torch.testing.assert_close(first, -torch.tensor(0.5).sigmoid().log())
    torch.testing.assert_close(second, -torch.tensor(0.4).sigmoid().log())


def test_the_perturbation_stays_in_the_ball_and_carries_on_to_the_next_batch():
    model, y, memory = Halfspace(torch.ones(1)), torch.tensor([1]), {}
    for value in (0.5, 0.05, 0.9):
        step(model, torch.tensor([[value]]), y, memory)
        torch.testing.assert_close(memory["delta"], torch.tensor([[-0.1]]))


def test_weights_and_images_move_by_the_same_backward_pass():
    """Gradient at the old weight and point: -(1 - sigmoid(w x)) times x and w."""
    model, x, y = Halfspace(torch.tensor([1.0])), torch.tensor([[0.5]]), torch.tensor([1])
    step(model, x, y, {}, lr=1.0)
    expected = 1 + 0.5 * (1 - torch.tensor(0.5).sigmoid())
    torch.testing.assert_close(model.weight.detach(), expected[None])


def test_a_shorter_batch_leaves_the_rest_of_the_perturbation_alone():
    model, memory = Halfspace(torch.ones(1)), {}
    step(model, torch.full((3, 1), 0.5), torch.ones(3).long(), memory)
    step(model, torch.full((1, 1), 0.5), torch.zeros(1).long(), memory)
    torch.testing.assert_close(memory["delta"], torch.tensor([[0.0], [-0.1], [-0.1]]))


def test_with_one_replay_the_perturbation_of_a_fresh_start_is_fgsms():
    """Away from the ends of the pixel range, and whatever the learning rate."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3))
    x, y, memory = 0.2 + 0.6 * torch.rand(5, 6), torch.randint(0, 3, (5,)), {}
    threat = Linf(eps=0.1)
    attacked = fgsm.perturb(pgd_at.inner(model, x, y), x, y, threat=threat)
    step(model, x, y, memory, lr=0.1)
    torch.testing.assert_close(x + memory["delta"], attacked)
