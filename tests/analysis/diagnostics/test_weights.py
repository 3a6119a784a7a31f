"""Measures of the loss over weights, against a dense Hessian and numbers worked out by hand."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from analysis.diagnostics import gradient_scattering, hessian, surface
from analysis.diagnostics._attack import run_pgd
from analysis.diagnostics._weights import (
    direction_norm,
    draw_filter_normalised,
    draw_gaussian,
    move_weights,
)
from tests.oracles import Halfspace
from tests.trainables.robustness.test_overfitting_detector import ones, pixels
from trainables.networks.heads import with_head
from trainables.threats.linf import Linf

LINF = Linf(eps=0.1)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def smooth():
    """A network with a second derivative, in float64."""
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(6, 4), nn.Softplus(), nn.Linear(4, 3)]
    return nn.Sequential(*layers).double()


def images(number=11):
    x = torch.rand(number, 1, 3, 2, generator=rng(7), dtype=torch.float64)
    return x, torch.arange(number) % 3


def dense(model, x, y):
    """Return the Hessian (P, P) of the mean cross-entropy by torch's own means."""
    names, mine = zip(*model.named_parameters(), strict=True)

    def loss(vector):
        parts = vector.split([p.numel() for p in mine])
        values = {n: v.view_as(p) for n, v, p in zip(names, parts, mine, strict=True)}
        return F.cross_entropy(torch.func.functional_call(model, values, (x,)), y)

    return torch.func.hessian(loss)(torch.cat([p.detach().flatten() for p in mine]))


@pytest.mark.parametrize("batch", [11, 4])
def test_eigenvalues_are_those_of_the_dense_hessian_of_the_adversarial_loss(batch):
    model, (x, y) = smooth(), images()
    found = hessian.measure(
        model, x, y, threat=LINF, batch=batch, rng=rng(), eigenvalues=3, tolerance=1e-9
    )
    x_adv = run_pgd(model, x, y, threat=LINF, rng=rng(), steps=10, step_size=None, batch=batch)
    expected = torch.linalg.eigvalsh(dense(model, x_adv, y)).flip(0)[:3]
    assert not torch.allclose(expected, torch.linalg.eigvalsh(dense(model, x, y)).flip(0)[:3])
    # the tolerance asked for, with what float64 adds
    torch.testing.assert_close(torch.stack(list(found.values())), expected, rtol=1e-7, atol=0)
    assert list(found) == ["eigenvalue_1", "eigenvalue_2", "eigenvalue_3"]


def test_eigenvectors_belong_to_their_eigenvalues():
    model, (x, y) = smooth(), images()
    values, vectors = hessian.compute_top_eigenpairs(
        model, x, y, count=2, batch=5, rng=rng(), tolerance=1e-9
    )
    matrix = dense(model, x, y)
    for value, vector in zip(values, vectors, strict=True):
        flat = torch.cat([part.flatten() for part in vector])
        assert flat.norm().item() == pytest.approx(1, abs=1e-9)
        torch.testing.assert_close(matrix @ flat, value * flat, rtol=0, atol=1e-6)


def test_curvature_goes_through_the_projection_of_a_cosine_head():
    """Moving the weights is followed by it, so that the second difference of the loss is too."""
    torch.manual_seed(0)
    model, (x, y) = with_head(smooth(), head="cosine").double(), images()
    values, vectors = hessian.compute_top_eigenpairs(
        model, x, y, count=2, batch=11, rng=rng(), tolerance=1e-9
    )
    step = 1e-3
    losses = []
    for far in (-step, 0, step):
        with move_weights(model, (far, vectors[0])):
            losses.append(surface.compute_mean_loss(model, x, y, 11))
    curvature = (losses[0] - 2 * losses[1] + losses[2]) / step**2
    assert curvature == pytest.approx(values[0].item(), rel=1e-3)  # of the second difference


def test_the_hessian_of_an_undecided_halfspace_is_a_quarter_of_the_squared_length():
    """At a margin of 0 it is sigmoid'(0) x x^T = x x^T / 4 for one image: 2 / 4."""
    model, x = Halfspace(torch.zeros(4)), torch.tensor([1.0, 0.0, 1.0, 0.0]).view(1, 1, 2, 2)
    values, _ = hessian.compute_top_eigenpairs(model, x, ones(x), count=1, batch=1, rng=rng())
    assert values.item() == pytest.approx(0.5, abs=1e-6)


def planes(model, x, y, **knobs):
    progress = []
    settings = {"threat": LINF, "batch": 4, "rng": rng(), "points": 3, "reach": 1e-3} | knobs
    found = surface.measure(
        model, x, y, report_progress=lambda *done: progress.append(done), **settings
    )
    return found, progress


def test_the_middle_of_the_surface_is_the_loss():
    model, (x, y) = smooth(), images()
    found, progress = planes(model, x, y)
    x_adv = run_pgd(model, x, y, threat=LINF, rng=rng(), steps=10, step_size=None, batch=4)
    expected = F.cross_entropy(model(x_adv), y).item()
    for name in ("eigenvector_plane", "random_plane"):
        a, b, loss = found[name]
        assert (a[1, 1], b[1, 1]) == (0, 0)
        assert loss[1, 1].item() == pytest.approx(expected, abs=1e-12)  # float64
        assert found[name.replace("plane", "rise")] == loss.max() - loss[1, 1]
    assert found["loss"].item() == pytest.approx(expected, abs=1e-12)
    assert progress == [(done, 18) for done in range(1, 19)]


def test_the_surface_curves_by_the_eigenvalues_along_its_axes():
    """The second difference of the loss over 2e-3; its error is of the order of 1e-6."""
    model, (x, y) = smooth(), images()
    found, _ = planes(model, x, y)
    top = hessian.measure(model, x, y, threat=LINF, batch=4, rng=rng(), eigenvalues=2)
    a, b, loss = found["eigenvector_plane"]
    assert a[2, 1] - a[1, 1] == pytest.approx(1e-3)
    assert b[1, 2] - b[1, 1] == pytest.approx(1e-3)
    along = (loss[2, 1] - 2 * loss[1, 1] + loss[0, 1]) / 1e-6
    across = (loss[1, 2] - 2 * loss[1, 1] + loss[1, 0]) / 1e-6
    assert along.item() == pytest.approx(top["eigenvalue_1"].item(), rel=1e-3)  # of the iteration
    assert across.item() == pytest.approx(top["eigenvalue_2"].item(), rel=1e-3)
    assert top["eigenvalue_1"] > 1.1 * top["eigenvalue_2"]


def test_attacking_anew_at_each_point_finds_a_higher_loss():
    torch.manual_seed(0)
    model, (x, y) = nn.Sequential(nn.Flatten(), nn.Linear(6, 3)).double(), images()
    once, _ = planes(model, x, y, reach=2.0, points=5)
    anew, _ = planes(model, x, y, reach=2.0, points=5, craft="anew", steps=20)
    gain = anew["random_plane"][2] - once["random_plane"][2]
    # a convex loss is largest at a corner, which 20 steps reach but where the gradient is near zero
    assert gain.min() > -1e-3
    assert gain.max() > 0.05


@pytest.mark.parametrize("number", [2, 4, 1])
def test_a_plane_has_its_middle_among_its_points(number):
    assert surface.valid_odd(number + 1 - number % 2) % 2 == 1
    with pytest.raises(ValueError, match="must be odd"):
        surface.valid_odd(number + number % 2)


def test_random_directions_have_the_filters_lengths_and_leave_biases():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 5))
    direction = draw_filter_normalised(model, rng())
    for part, weight in zip(direction, model.parameters(), strict=True):
        if weight.dim() == 1:
            assert not part.any()
        else:
            expected = weight.detach().flatten(1).norm(dim=1)
            torch.testing.assert_close(part.flatten(1).norm(dim=1), expected)
    assert direction[0].flatten() @ model[0].weight.flatten() != 0
    assert not torch.equal(direction[0], draw_filter_normalised(model, rng(1))[0])


def test_weights_are_restored_exactly_even_after_an_error():
    model = smooth()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    steps = (0.1, draw_gaussian(model, rng())), (3.0, draw_gaussian(model, rng(1)))

    def interrupted():
        with move_weights(model, *steps):
            assert not torch.equal(model[1].weight, before["1.weight"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    torch.testing.assert_close(dict(model.state_dict()), before, rtol=0, atol=0)


def test_gradient_scattering_of_a_halfspace():
    """The weight 2 moves by 0.1 of itself, up or down as the first random number says; x' is x less
    eps either way, and the gradient by the weight -sigmoid(-w x') x'."""
    model, x = Halfspace(torch.tensor([2.0])), pixels(0.5, 0.8)
    found = gradient_scattering.measure(
        model, x, ones(x), threat=LINF, batch=1, rng=rng(), distance=0.1
    )
    other = 2.2 if torch.randn(1, generator=rng()) > 0 else 1.8

    def slope(w, less):
        each = [-z / (1 + math.exp(w * z)) for z in (0.5 - less, 0.8 - less)]
        return sum(each) / 2

    for name, less in (("gradient_change", 0.1), ("clean_gradient_change", 0)):
        expected = abs(slope(other, less) - slope(2.0, less)) / 0.2
        assert found[name].item() == pytest.approx(expected, rel=1e-4)  # a difference in float32
    assert found["perturbation_cosine"].tolist() == [1, 1]
    assert found["sign_cosine"].tolist() == [1, 1]
    assert model.weight.tolist() == [2.0]


def test_perturbations_flip_where_the_weight_changes_sign():
    """The only weight moves by 3 times its length, from 2 to -4, if the random number says down."""
    model, x = Halfspace(torch.tensor([2.0])), pixels(0.5)
    seed = next(s for s in range(9) if torch.randn(1, generator=rng(s)) < 0)
    found = gradient_scattering.measure(
        model, x, ones(x), threat=LINF, batch=1, rng=rng(seed), distance=3.0
    )
    assert found["perturbation_cosine"].tolist() == [-1]
    assert found["sign_cosine"].tolist() == [-1]


def test_the_length_of_weights_is_that_of_all_together():
    model = nn.Linear(1, 2)
    model.weight.data[:], model.bias.data[:] = torch.tensor([[1.0], [2.0]]), torch.tensor([2.0, 4])
    assert direction_norm(list(model.parameters())) == pytest.approx(5)
