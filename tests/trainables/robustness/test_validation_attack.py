"""The validation attack on a halfspace, whose accuracies are known."""

import pytest
import torch

from tests.oracles import Halfspace
from trainables.accuracy import Accuracies
from trainables.data_pipeline.images import Images
from trainables.networks.precision import Network
from trainables.robustness.validation_attack import measure_accuracies
from trainables.threats.l1 import L1
from trainables.threats.l2 import L2
from trainables.threats.linf import Linf


def pixels(values, labels=None):
    x = torch.tensor(values, dtype=torch.uint8).view(-1, 1, 1, 1)
    return Images(x=x, y=torch.ones(len(values)).long() if labels is None else torch.tensor(labels))


@pytest.mark.parametrize("threat", [Linf(eps=10 / 255), L2(eps=10 / 255), L1(eps=10 / 255)])
@pytest.mark.parametrize("size", [1, 4, 250])
def test_robust_accuracy_counts_margins_wider_than_the_radius(threat, size):
    """The boundary is at 100.5: of class 1 only 111 and 160 are further off than 10, of 0 90 and 0.

    The first and the fourth are misclassified without an attack, so that others move up.
    """
    model = Halfspace(torch.ones(1), bias=-100.5 / 255)
    images = pixels([98, 95, 103, 104, 109, 90, 111, 0, 160, 99], [1, 0, 1, 0, 1, 0, 1, 0, 1, 0])
    found = measure_accuracies(model, images, threat=threat, exam_batch=size)
    assert (found.clean, found.robust) == (0.8, 0.4)


@pytest.mark.parametrize("restarts", [1, 2])
def test_in_l1_it_is_auto_pgd(restarts):
    """A sum of 0.2 can lower the margin by 0.2, all at the largest weight; 0.12 is found."""
    weight = torch.cat([torch.ones(1), torch.linspace(0.05, 0.15, 19)])
    model = Halfspace(weight, bias=-1.45)  # a grey image is 0.5 * 2.9 = 1.45
    grey = torch.full((4, 1, 4, 5), 128, dtype=torch.uint8)
    grey[:, 0, 3] += torch.tensor([40, 30, 120, 127], dtype=torch.uint8)[:, None]
    margins = model.margin(grey.float() / 255)
    images = Images(x=grey, y=torch.ones(4).long())
    # steps along half of the pixels would not reach it; these become sparser
    threat = L1(eps=0.2, density=0.5)
    found = measure_accuracies(model, images, threat=threat, steps=40, restarts=restarts)
    assert found.clean == 1
    assert margins[0] < 0.12 < 0.2 < margins[2]
    assert found.robust == (margins > 0.2).float().mean()


@pytest.mark.parametrize("size", [1, 3, 250])
def test_balanced_accuracies_are_means_over_classes(size):
    """Of class 1, 98 is misclassified and 103 and 109 are near the boundary; of 0, 104 is wrong."""
    model = Halfspace(torch.ones(1), bias=-100.5 / 255)
    images = pixels([98, 103, 104, 109, 111, 160, 90], [1, 1, 0, 1, 1, 1, 0])
    found = measure_accuracies(model, images, threat=Linf(eps=10 / 255), exam_batch=size)
    assert found == Accuracies(
        clean=5 / 7,
        robust=3 / 7,
        balanced_clean=pytest.approx((4 / 5 + 1 / 2) / 2),
        balanced_robust=pytest.approx((2 / 5 + 1 / 2) / 2),
    )


@pytest.mark.parametrize("threat", [Linf(eps=0.1), L2(eps=0.3)])
@pytest.mark.parametrize("step_size", [None, 0.06])
def test_it_is_pgd_image_by_image(threat, step_size):
    """In batches of 32 of 80 images of 3 classes, with two restarts of three steps each."""
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(6, 8), torch.nn.Tanh(), torch.nn.Linear(8, 3)
    )
    for p in model.parameters():
        p.data.normal_(std=2)  # so that predictions differ
    x = torch.randint(0, 256, (80, 2, 1, 3), dtype=torch.uint8)
    x[:20, 0] = 0
    x[20:40, 1] = 255
    y = torch.randint(0, 3, (80,))
    y[20:] = model(x[20:] / 255).argmax(dim=1)
    rng, clean, robust = torch.Generator().manual_seed(0), 0, 0
    for images, labels in zip((x / 255).split(32), y.split(32), strict=True):
        starts = [threat.project(threat.random_point(images, rng), images) for _ in range(2)]
        for number, label in enumerate(labels):
            image, length = images[number : number + 1], step_size or threat.eps / 4
            right = [model(image).argmax() == label]
            for start in starts:
                z = start[number : number + 1]
                for _ in range(3):
                    right.append(model(z).argmax() == label)
                    z = z.detach().requires_grad_()
                    loss = torch.nn.functional.cross_entropy(model(z), label[None])
                    (grad,) = torch.autograd.grad(loss, z)
                    z = threat.project(z.detach() + length * threat.steepest_step(grad), image)
                right.append(model(z).argmax() == label)
            clean, robust = clean + int(right[0]), robust + all(right)
    assert 20 < robust < clean - 10
    knobs = {"steps": 3, "restarts": 2, "exam_batch": 32, "step_size": step_size}
    found = measure_accuracies(model, Images(x=x, y=y), threat=threat, **knobs)
    assert (found.clean, found.robust) == (clean / 80, robust / 80)


def test_an_image_misclassified_at_any_step_counts():
    """The gradient leads through a misclassified point to a correct one."""

    class Bump(torch.nn.Module):
        def forward(self, x):
            z = x.flatten(1)[:, 0]
            # wrong only between 0.52 and 0.56, and the loss grows with z all the way
            margin = torch.where((z > 0.52) & (z < 0.56), -1.0, 1.0) - z
            return torch.stack([-margin, margin], dim=1) / 2

    accuracies = measure_accuracies(
        Bump(), pixels([127]), threat=Linf(eps=0.1), steps=10, step_size=0.025, exam_batch=1
    )
    assert (accuracies.clean, accuracies.robust) == (1.0, 0.0)


def test_more_restarts_never_help_the_defender():
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(16, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2)
    )
    images = Images(
        x=torch.randint(0, 256, (200, 1, 4, 4), dtype=torch.uint8), y=torch.randint(0, 2, (200,))
    )
    weak, strong = (
        measure_accuracies(model, images, threat=Linf(eps=0.1), steps=1, restarts=n).robust
        for n in (1, 5)
    )
    assert strong <= weak


class Recorder(torch.nn.Module):
    """A network without a view, because its graph depends on its input; it records its state."""

    def __init__(self):
        super().__init__()
        self.norm, self.last = torch.nn.BatchNorm2d(1), torch.nn.Linear(1, 2)
        self.seen, self.autocast = [], []

    def forward(self, x):
        if isinstance(x, torch.Tensor):  # rather than what traces the graph
            weights = any(p.requires_grad for p in self.parameters())
            ends = x.amax(dim=(1, 2, 3)).tolist()
            self.autocast.append(torch.is_autocast_enabled("cpu"))
            self.seen.append((self.training, weights, torch.is_grad_enabled(), ends))
        features = self.norm(x).flatten(1)
        return self.last(features if features.sum() > 0 else -features)


def test_the_network_is_in_eval_mode_and_no_weight_asks_for_a_gradient():
    """Nor does the pass over the clean images; a pixel of 255 is 1."""
    model = Recorder()
    accuracies = measure_accuracies(model, pixels([255, 3]), threat=Linf(eps=0.01), steps=2)
    assert [each[:2] for each in model.seen] == [(False, False)] * len(model.seen)
    assert model.seen[0][2:] == (False, [1.0, pytest.approx(3 / 255)])
    assert model.training
    assert all(p.requires_grad for p in model.parameters())
    assert isinstance(accuracies.clean, float)
    assert isinstance(accuracies.robust, float)


@pytest.mark.parametrize(
    ("bias", "label", "eps", "robust"),
    [
        # in bf16 0.2 and 0.2001 are one number, so that the image looks misclassified
        (0.2001, 1, 1e-5, 1.0),
        # in bf16 0.1999 and 0.19999 are one number, so that no attack seems to succeed
        (0.19999, 0, 1e-4, 0.0),
    ],
)
def test_the_network_in_fp32_decides_which_images_are_misclassified(bias, label, eps, robust):
    """Class 0 if the pixel is at least the bias; the pixel is 0.2, and bf16 rounds to 0.001."""
    linear = torch.nn.Linear(1, 2)
    linear.weight.data, linear.bias.data = torch.tensor([[1.0], [0.0]]), torch.tensor([0.0, bias])
    model = Network(torch.nn.Flatten(), linear)
    model.is_mixed = True
    accuracies = measure_accuracies(model, pixels([51], [label]), threat=Linf(eps=eps), steps=4)
    assert (accuracies.clean, accuracies.robust) == (1.0, robust)
    assert model.is_mixed


def test_the_attack_is_crafted_in_the_precision_of_training():
    """The points of the attack have gradients; what is judged in fp32 has none."""
    recorder = Recorder()
    model = Network(recorder)
    model.is_mixed = True
    measure_accuracies(model, pixels([255, 3]), threat=Linf(eps=0.01), steps=2)
    has_gradients = [grad_enabled for _, _, grad_enabled, _ in recorder.seen]
    assert recorder.autocast == has_gradients
    assert True in has_gradients


def test_the_attack_is_deterministic_and_leaves_the_model_unchanged():
    model = torch.nn.Sequential(
        torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2), torch.nn.Flatten(), torch.nn.Linear(8, 2)
    )
    before = {k: v.clone() for k, v in model.state_dict().items()}
    images = Images(
        x=torch.randint(0, 256, (8, 1, 4, 4), dtype=torch.uint8), y=torch.randint(0, 2, (8,))
    )
    first, second = (measure_accuracies(model, images, threat=Linf(eps=0.05)) for _ in range(2))
    assert first == second
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)
