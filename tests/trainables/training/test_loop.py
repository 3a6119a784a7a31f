"""The training loop."""

import pytest
import torch
from torch import nn

from tests.oracles import TINY_CONFIG, method_groups, replace_component, tiny_config
from trainables.binding import bind
from trainables.components import GROUPS
from trainables.hparams.registry import list_members
from trainables.networks.modes import frozen_weights
from trainables.threats.linf import Linf
from trainables.training.loop import count_gradient_passes, step_settings
from trainables.training.trial import Trial


def components(config=TINY_CONFIG):
    return bind({key: value for key, value in config.items() if key in GROUPS})


@pytest.mark.parametrize("method", list_members("trainables.methods"))
def test_loss_falls_with_every_method(method):
    assert loss_falls(**method_groups(method))


@pytest.mark.parametrize("method", ["pgd_at", "trades", "grad_align", "ikl", "standard"])
@pytest.mark.parametrize("update", list_members("trainables.updates"))
def test_loss_falls_with_every_update(method, update):
    assert loss_falls(method={"name": method}, update={"name": update})


@pytest.mark.parametrize("attack", list_members("trainables.attacks"))
@pytest.mark.parametrize("threat", list_members("trainables.threats"))
def test_loss_falls_under_every_attack(attack, threat):
    assert loss_falls(attack={"name": attack}, threat={"name": threat, "eps": 0.01})


def loss_falls(**changes):
    """Return whether three epochs without a schedule lower the training loss."""
    plain = {"schedule": {"name": "constant"}, "eps_schedule": {"name": "constant"}}
    small = {"data__validation": 20, "data__limit": 100, "data__crop": 0, "epochs": 3}
    config = tiny_config(**({"threat__eps": 0.01, "optimizer__lr": 3e-3} | plain | small | changes))
    losses = [report.train_loss for report in Trial(config).run_epochs()]
    return losses[-1] < losses[0]


def test_free_costs_an_epoch_and_counts_replays_in_the_schedule():
    """Three batches of 120 images in 50s; with 2 replays, 2 batches twice each: four steps."""
    trial = Trial(tiny_config(update={"name": "free", "replays": 2}))
    seen = []

    def augment(x, rng):
        seen.append(len(x))
        return x

    replace_component(trial, "data", augment=augment)
    report = trial.run_epoch()
    assert seen == [50, 50]
    assert report.gradient_passes == pytest.approx(200 / 120)
    # the last step is the fourth of four in the first of four epochs: 3.5 / 16, one-cycle to 0.4
    assert report.lr == pytest.approx(1e-3 * (3.5 / 16) / 0.4)


def test_the_step_settings_multiply_schedule_and_warm_up():
    """At a quarter of the run: one-cycle is at 0.25 / 0.4, eps half-way through its warm-up."""
    now = step_settings(components(), Linf(eps=0.1), 1e-3, 0.25)
    assert now.lr == pytest.approx(1e-3 * 0.625)
    assert now.threat.eps == pytest.approx(0.05)
    assert now.threat.step_scale == 1.0


def test_steps_follow_eps_if_asked():
    config = tiny_config(eps_schedule__steps_follow=True)
    assert step_settings(
        components(config), Linf(eps=0.1), 1e-3, 0.25
    ).threat.step_scale == pytest.approx(0.5)


def test_the_loss_is_a_mean_over_examples_though_the_last_batch_is_short():
    """With next to no learning, it is the cross-entropy of the untrained network on 120 images."""
    trial = Trial(tiny_config(method={"name": "standard"}, optimizer__lr=1e-12, data__crop=0))
    with torch.no_grad():
        logits = trial.model(trial.train_images.x.float() / 255)
    expected = nn.functional.cross_entropy(logits, trial.train_images.y).item()
    assert trial.run_epoch().train_loss == pytest.approx(expected, rel=1e-6)  # float32 sums


def test_a_last_batch_of_one_image_is_left_out(tmp_path):
    """BatchNorm raises on it if its features are 1x1."""
    file = tmp_path / "net.py"
    file.write_text(
        "from torch import nn\n"
        "def build(shape, classes):\n"
        "    layers = nn.Conv2d(1, 4, 28), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, classes)\n"
        "    return nn.Sequential(*layers)\n"
    )
    trial = Trial(tiny_config(model={"name": str(file)}, data__limit=101, data__batch_size=50))
    # two steps and the update of 100 of the 101 images
    assert trial.run_epoch().gradient_passes == pytest.approx(3 * 100 / 101)


def test_gradient_passes_are_attack_steps_and_the_update():
    trial = Trial(TINY_CONFIG)
    assert trial.run_epoch().gradient_passes == 3  # two steps and the update, for every image


def test_only_passes_with_gradients_count():
    model = nn.Linear(2, 2)
    with count_gradient_passes(model) as passes:
        model(torch.rand(3, 2))
        with torch.no_grad():
            model(torch.rand(5, 2))
    model(torch.rand(7, 2))
    assert passes == [3]


def test_a_frozen_parameter_stays_frozen():
    model = nn.Linear(2, 2)
    model.bias.requires_grad_(False)
    with frozen_weights(model):
        assert not model.weight.requires_grad
    assert model.weight.requires_grad
    assert not model.bias.requires_grad
