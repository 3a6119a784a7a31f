"""What attacks keep of each training image from epoch to epoch."""

import pytest
import torch

from tests.oracles import tiny_config
from tests.trainables.training.test_trial import metrics_of
from trainables.attacks import atas, label_information, prior_batch, prior_epoch, universal
from trainables.attacks._image_memory import put_pixels, take_pixels
from trainables.criteria import cross_entropy
from trainables.threats.linf import Linf
from trainables.training import checkpoint
from trainables.training.trial import Trial

EPS, SHAPE = 0.1, (2, 3, 3)
THREAT = Linf(eps=EPS)
UP = torch.ones(3).long()


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def uphill(z):
    """Return an objective that grows with every pixel."""
    return z.flatten(1).sum(dim=1), torch.eye(2)[UP[: len(z)]]


def flat(z):
    """Return an objective on which no step moves."""
    return 0 * z.flatten(1).sum(dim=1), torch.eye(2)[UP[: len(z)]]


def grey(number=3):
    return torch.full((number, *SHAPE), 0.5)


def test_starts_are_drawn_in_the_first_epoch_and_at_resets_and_kept_otherwise():
    memory, x, index = {}, grey(), torch.tensor([4, 0, 2])
    knobs = {"threat": THREAT, "memory": memory, "index": index, "n_images": 5, "resets": 3}

    def start(epoch, seed):
        return prior_epoch.perturb(flat, x, UP, epoch=epoch, rng=rng(seed), **knobs) - x

    first = start(0, seed=0)
    torch.testing.assert_close(first.abs(), torch.full_like(first, EPS))  # corners
    assert torch.equal(memory[prior_epoch.DELTA][[1, 3]], torch.zeros(2, *SHAPE))  # other images
    torch.testing.assert_close(memory[prior_epoch.DELTA][index], first)
    torch.testing.assert_close(start(1, seed=1), first)
    assert not torch.allclose(start(3, seed=1), first)


def test_a_reset_forgets_the_mean_gradients_too():
    memory = {prior_epoch.MOMENTUM: -torch.ones(3, *SHAPE)}
    knobs = {"threat": THREAT, "memory": memory, "index": torch.arange(3), "n_images": 3}
    prior_epoch.perturb(uphill, grey(), UP, epoch=40, rng=rng(), **knobs)
    torch.testing.assert_close(memory[prior_epoch.MOMENTUM], torch.full((3, *SHAPE), 1 / 54))


def test_without_resets_starts_are_drawn_in_the_first_epoch_only():
    memory, x, index = {}, grey(), torch.arange(3)
    knobs = {"threat": THREAT, "memory": memory, "index": index, "n_images": 3, "resets": None}
    first, *others = (
        prior_epoch.perturb(flat, x, UP, epoch=epoch, rng=rng(epoch), **knobs)
        for epoch in (0, 40, 80)
    )
    for other in others:
        torch.testing.assert_close(other, first)


def test_the_next_start_follows_the_mean_gradient_and_the_step_the_gradient():
    """A mean gradient of -1 outweighs one of 1 / 54 times its decay."""
    memory = {
        prior_epoch.DELTA: torch.zeros(3, *SHAPE),
        prior_epoch.MOMENTUM: -torch.ones(3, *SHAPE),
    }
    knobs = {"threat": THREAT, "memory": memory, "index": torch.arange(3), "n_images": 3}
    x_adv = prior_epoch.perturb(uphill, grey(), UP, epoch=1, **knobs)
    torch.testing.assert_close(x_adv, grey() + EPS)
    torch.testing.assert_close(memory[prior_epoch.DELTA], torch.full((3, *SHAPE), -EPS))
    momentum = memory[prior_epoch.MOMENTUM]
    torch.testing.assert_close(momentum, torch.full((3, *SHAPE), 1 / 54 - 0.3))


def test_a_start_outside_the_pixel_range_is_clipped_if_asked():
    seen = []

    def objective(z):
        seen.append(z.max().item())
        return flat(z)

    for project in (False, True):
        memory = {prior_epoch.DELTA: torch.full((3, *SHAPE), EPS)}
        knobs = {"threat": THREAT, "memory": memory, "index": torch.arange(3), "n_images": 3}
        x = torch.ones(3, *SHAPE)
        prior_epoch.perturb(objective, x, UP, epoch=1, project_start=project, **knobs)
    assert seen == pytest.approx([1 + EPS, 1.0])


def test_a_smaller_batch_starts_where_the_first_images_of_the_last_one_ended():
    memory = {}
    first = prior_batch.perturb(flat, grey(), UP, threat=THREAT, memory=memory, rng=rng())
    second = prior_batch.perturb(flat, grey(2), UP, threat=THREAT, memory=memory, rng=rng(5))
    torch.testing.assert_close(second, first[:2])


def test_a_class_without_images_keeps_its_shared_perturbation():
    memory, y = {}, torch.tensor([1, 1, 3])
    knobs = {"threat": THREAT, "memory": memory, "classes": 5, "shared_by": "class"}
    universal.perturb(flat, grey(), y, rng=rng(), **knobs)
    before = memory[universal.SHARED].clone()
    universal.perturb(uphill, grey(), y, rng=rng(), **knobs)
    moved = (memory[universal.SHARED] != before).flatten(1).any(dim=1)
    assert moved.tolist() == [False, True, False, True, False]
    assert memory[universal.SHARED].abs().max().item() == pytest.approx(1.25 * EPS)


def test_steps_on_grey_images_are_renewed_at_their_updates_alone():
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(18, 4))
    memory, shown = {}, []
    for step in (1, 2, 3):
        if step == 2:
            with torch.no_grad():
                model[1].weight.mul_(-1)  # the gradients turn around
        label_information.perturb(
            flat,
            grey(),
            UP,
            threat=THREAT,
            memory=memory,
            criterion=cross_entropy.loss,
            network=model,
            classes=4,
            step=step,
            renewal=2,
        )
        shown.append(memory[label_information.SHOWN].clone())
    assert torch.equal(shown[0], shown[1])
    assert not torch.equal(shown[1], shown[2])
    assert model.training


def test_pixels_move_with_their_image_and_back():
    kept = torch.arange(18.0).view(1, 2, 3, 3)
    source = torch.tensor([[3, 4, -1, 6, 7, -1, -1, -1, -1]])  # one up, the last column cut out
    moved, has_one = take_pixels(kept, source)
    assert moved[0, 1, 0].tolist()[:2] == [12.0, 13.0]
    assert has_one.flatten().tolist() == [True, True, False, True, True, *[False] * 4]
    back = put_pixels(kept, source, -moved)
    expected = kept.clone()
    expected[:, :, 1:, :2] *= -1
    assert torch.equal(back, expected)


def test_atas_draws_at_resets_but_not_in_the_last_epoch():
    memory = {}
    knobs = {"threat": THREAT, "memory": memory, "index": torch.arange(3), "n_images": 3}

    def start(epoch, epochs=30):
        return atas.perturb(flat, grey(), UP, epoch=epoch, epochs=epochs, rng=rng(epoch), **knobs)

    first = start(0)
    torch.testing.assert_close(start(1), first)
    second = start(9)
    assert not torch.allclose(second, first)
    torch.testing.assert_close(start(19, epochs=20), second)


def test_atas_moves_the_perturbation_with_its_image():
    memory = {atas.DELTA: torch.zeros(1, *SHAPE)}
    memory[atas.DELTA][0, :, 1, 1] = EPS
    source = torch.tensor([[-1, -1, -1, -1, 0, 1, -1, 3, 4]])  # down and to the right
    x_adv = atas.perturb(
        flat,
        grey(1),
        UP,
        threat=THREAT,
        memory=memory,
        index=torch.zeros(1).long(),
        n_images=1,
        source=source,
        epoch=1,
        epochs=30,
        rng=rng(),
    )
    torch.testing.assert_close(x_adv[0, :, 2, 2], torch.full((2,), 0.5 + EPS))
    torch.testing.assert_close(x_adv[0, :, 1, 1], torch.full((2,), 0.5))
    assert (x_adv[0, :, 0] != 0.5).all()  # padding is drawn
    torch.testing.assert_close(memory[atas.DELTA][0, :, 1, 1], torch.full((2,), EPS))


@pytest.mark.parametrize("method", ["fgsm_pgi", "atas"])
def test_a_resumed_trial_remembers_its_images(method, tmp_path):
    groups = {
        "fgsm_pgi": {"attack": {"name": "prior_epoch"}, "update": {"name": "paired"}},
        "atas": {"attack": {"name": "atas", "constant": 1}},
    }[method]
    small = {"data__validation": 20, "data__limit": 60, "data__batch_size": 16, "data__flip": True}
    config = tiny_config(method={"name": method}, **groups, **small, epochs=3)
    straight = Trial(config)
    expected = [metrics_of(report) for report in straight.run_epochs()]
    first = Trial(config)
    first.run_epoch()
    checkpoint.save(first, tmp_path)
    second = Trial(config)
    checkpoint.restore(second, tmp_path)
    assert [metrics_of(report) for report in second.run_epochs()] == expected[1:]
    assert straight.memory.keys() == second.memory.keys()
    for name, tensor in straight.memory.items():
        assert torch.equal(second.memory[name], tensor), name
    per_image = [t for t in straight.memory.values() if len(t) == 60]
    assert len(per_image) == 2
    assert all((t.flatten(1) if t.dim() > 1 else t[:, None]).any(dim=1).all() for t in per_image)


def test_the_memory_has_room_for_all_images_when_a_few_are_timed():
    groups = {"attack": {"name": "prior_epoch"}, "update": {"name": "paired"}}
    trial = Trial(tiny_config(method={"name": "fgsm_pgi"}, **groups))
    trial.train_images = trial.train_images[:4]
    trial.run_epoch()
    assert len(trial.memory[prior_epoch.DELTA]) == 120
